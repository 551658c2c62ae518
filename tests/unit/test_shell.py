"""Words for shells."""

from __future__ import annotations

import subprocess

import pytest

import support
from process_hardening.shell import quote

SHELLS = ("sh", "bash", "dash", "zsh", "fish")

WORDS = (
    *("plain", "a b", "it's", "''", "$HOME", "é中", "", "-x=*", "~", "=ls", "%self", "!!", "{a,b}"),
    *("^x", "#x", "a;b", "`id`", "$(id)", "\x1b[31m", "\x7f", "a\nb", "-n\x01", "%d\x01"),
    *("\\", "\\\\", "\\'", "'\\", "\\\\'x", "\\'\";id;#", "\\'\";id;#\x01"),
    *("\udcff\\", "\uf600", "\u202e"),
)


@pytest.mark.parametrize("shell", SHELLS)
@pytest.mark.parametrize("word", WORDS)
def test_each_shell_reads_a_quoted_word_back(shell: str, word: str) -> None:
    """With nothing in it that a terminal obeys."""
    quoted = quote(word)
    assert quoted.isprintable()
    argv = [support.find_tool(shell), "-c", f"printf '[%s]' {quoted}"]
    done = subprocess.run(argv, capture_output=True, check=True)
    assert done.stdout == b"[%b]" % word.encode("utf-8", "surrogateescape")


@pytest.mark.parametrize("shell", SHELLS)
def test_no_shell_runs_a_word_that_ends_with_a_newline(shell: str) -> None:
    """Not all read it back: fish refuses it, and dash may read the escapes as they are."""
    word = quote("a;echo b\n")
    argv = [support.find_tool(shell), "-c", f"printf '[%s]' {word}"]
    done = subprocess.run(argv, capture_output=True, check=False)
    assert done.stdout in (b"[a;echo b\n]", b"", b"[$%b]" % word[2:-1].encode())
