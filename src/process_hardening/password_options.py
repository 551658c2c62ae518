"""Short options with a password, which only their programs define as such."""

from __future__ import annotations

import re

TYPE_CHECKING = False  # importing typing would take as long as starting Python
if TYPE_CHECKING:
    from collections.abc import Iterator

# The password is the rest of the word or the next word.
_OPTIONS = {
    b"sshpass": b"-p",
    b"redis-cli": b"-a",
    **{b"%b login" % program: b"-p" for program in (b"docker", b"podman", b"nerdctl", b"helm")},
}
_SSHPASS_VALUES = (b"-f", b"-d", b"-P")

_CLIENTS = rb"(?:mysql|mariadb)[a-z-]*"  # -pPASSWORD; -p alone asks for it

SIGNS_OF_PASSWORDS = tuple({b"%b\0" % name.split()[-1] for name in _OPTIONS})
"""Texts of which each command line with a reported password has at least one."""


def find_passwords(words: list[bytes]) -> Iterator[tuple[int, int, bytes]]:
    """Yield where a word has a password: its index, where the password begins, and the option.

    The option is empty for clients that overwrite the password, which is then nothing to report.
    """
    program = option = b""
    is_client = False
    for index, word in enumerate(words):
        if option and word.startswith(option):
            if word != option:
                yield index, len(option), option
            elif index + 1 < len(words) and words[index + 1]:
                yield index + 1, 0, option
            program = option = b""
        elif is_client and word.startswith(b"-p") and len(word) > len(b"-p"):
            yield index, len(b"-p"), b""
        is_value = words[index - 1] in _SSHPASS_VALUES
        if program == b"sshpass" and not word.startswith(b"-") and not is_value:
            program = option = b""  # the command that it starts
        name = word.rpartition(b"/")[2]
        if name.startswith((b"mysql", b"mariadb")):
            is_client |= re.fullmatch(_CLIENTS, name) is not None
        name = b"%b login" % program if name == b"login" else name
        if name in _OPTIONS or b"%b login" % name in _OPTIONS:
            program, option = name, _OPTIONS.get(name, b"")
