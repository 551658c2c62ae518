"""Which argument names what an interpreter runs, and that code never does."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

import support
from process_hardening.audit.script_argument import find_script, read_options
from zoo import audit, audit_json

CODE = "hunter2"


@pytest.mark.parametrize(
    "command",
    [
        *("python3 -c", "python3 -Ic", "python3 -I -c", "python3 -O -c", "python3 -Wall -uc"),
        *("python3.14t -X dev -OOc", "pypy3 -c", "python3 -cpass -c"),
        *("perl -e", "perl -E", "perl -0777ne", "perl -i.bak -pe", "perl -F: -lanE", "perl -w -E"),
        *("perl -Mstrict -E", "perl -I lib -e", "perl -e1 -e"),
        *("ruby -e", "ruby -rjson -ne", "ruby --yjit -e", "php -r", "php -d a=1 -B", "php --run"),
        *("node -e", "node -p", "node -pe", "node --print", "node --import x -e", "bun --eval"),
        *("lua5.4 -l x -e", "luajit -O3 -e", "julia -E", "julia -t 4 --eval", "guile -c"),
        *("Rscript --vanilla -e", "elixir --eval", "elixir --cookie", "java -Dx=1 --unknown"),
        *("sh -c", "bash -lc", "bash -cl", "bash -o pipefail -c", "bash --norc -ec", "zsh -fc"),
        *("fish -C", "fish --init-command", "nu -c", "nu -e", "xonsh -c", "elvish -c"),
        *("pwsh -c", "pwsh -Command", "pwsh -NoProfile -EncodedCommand", "pwsh -e", "pwsh -ec"),
        *("python3 --new-option", "python3 -Z", "perl -Z", "pwsh -New", "php --new-option"),
        *("python3 -m timeit -s",),
    ],
)
def test_code_is_not_what_is_named(command: str) -> None:
    """Whatever options are before it, also unknown ones, and with or without a blank."""
    name, *options = command.split()
    for code in (CODE, f"print({CODE}, 1)"):
        run, _ = find_script(name, (*options, code, CODE))
        assert not any(CODE in word for word in run)
        assert set(run) <= {*options}


@pytest.mark.parametrize(
    "option",
    ["-chunter2", "-ehunter2", "-Ehunter2", "-Ichunter2", "--eval=hunter2", "--run=hunter2"],
)
@pytest.mark.parametrize("name", ["python3", "perl", "ruby", "php", "node", "lua", "julia", "sh"])
def test_code_in_the_same_word_as_its_option(name: str, option: str) -> None:
    run, _ = find_script(name, (option, "--", "a.py"))
    assert not any(CODE in word for word in run)


@pytest.mark.parametrize(
    ("command", "run", "options"),
    [
        ("python3 -I -O -X dev -W error app.py a", "app.py", 6),
        ("python3 -Im celery worker", "-Im celery", 0),
        ("python3 -- app.py", "app.py", 0),
        ("python3 -u - x", "-", 1),
        ("perl -w -Mstrict -Ilib tool.pl", "tool.pl", 3),
        ("ruby -W0 -r json tool.rb", "tool.rb", 3),
        ("php -d a=1 -f index.php", "-f index.php", 2),
        ("php -S 127.0.0.1:80 -t pub router.php", "router.php", 4),
        ("node --trace-warnings --max-old-space-size=9 ./server.js", "./server.js", 2),
        ("node --unknown value", "", 1),
        ("node --unknown a/b", "", 1),
        ("electron --api-key /a.b/c+d", "", 1),
        ("electron -k hunter2", "", 1),
        ("julia --unknown hunter.2", "", 1),
        ("Rscript --unknown /hunter2", "", 1),
        ("guile -Z hunter2", "", 1),
        ("java --unknown com/hunter2", "", 1),
        ("node --unknown ./server.mjs", "./server.mjs", 1),
        ("node --inspect server", "server", 1),
        ("java --enable-preview com.example.Main", "com.example.Main", 1),
        ("java -cp a:b -Xmx1g -XX:+UseG1GC com.example.Main", "com.example.Main", 4),
        ("java -ea -jar x.jar", "-jar x.jar", 1),
        ("bash -eu +x -o pipefail run.sh", "run.sh", 4),
        ("pwsh -NoProfile -File run.ps1", "-File run.ps1", 1),
        ("julia -t 4 --project=. run.jl", "run.jl", 3),
        (
            "jsvc -pidfile /run/a.pid -outfile &1 -XX:+UseG1GC com.example.Main",
            "com.example.Main",
            5,
        ),
        ("jsvc.exec -cp a.jar -check com.example.Main", "com.example.Main", 3),
        ("node-22 server.js", "server.js", 0),
        ("deno run -A --inspect server.ts", "server.ts", 3),
        ("java-17-openjdk -ea -jar x.jar", "-jar x.jar", 1),
        ("python3.13t app.py", "app.py", 0),
        ("python3 exec('hunter2')", "", 0),
        ("cat a b", "", 2),
    ],
)
def test_what_is_named(command: str, run: str, options: int) -> None:
    """With the number of options before it."""
    name, *arguments = command.split()
    assert find_script(name, tuple(arguments)) == (tuple(run.split()), options)


@pytest.mark.parametrize(
    ("word", "run"),
    [("keep er.py", ("keep er.py",)), ("a b/c d.js", ("a b/c d.js",)), ("print 1, x", ())],
)
def test_a_name_may_have_blanks_if_it_ends_like_a_file(word: str, run: tuple[str, ...]) -> None:
    """Other words with blanks may be code."""
    assert find_script("python3", (word,)) == (run, 0)
    assert find_script("python3", ("-c", word)) == (("-c",), 0)


@pytest.mark.parametrize(
    "name", ["nodet", "node2vec", "pythont", "javac", "jsvc-wrapper", "perl-helper", "bash5"]
)
def test_a_name_that_only_resembles_an_interpreter_has_no_known_options(name: str) -> None:
    assert find_script(name, ("-x", "hunter2")) == ((), 2)


@pytest.mark.parametrize(
    ("command", "options"),
    [
        ("node --title x --trace-warnings a.js --x", "--title --trace-warnings a.js"),
        ("deno run --config a --inspect a.ts --x", "run --config --inspect a.ts"),
        ("java -cp -XX:+A -ea -jar a.jar -XX:+B", "-cp -ea -jar"),
        ("java -ea @file Main", "-ea @file"),
        ("java -XX:+A", "-XX:+A"),
        ("my-server a -b", "a -b"),
    ],
)
def test_the_options_are_without_values_and_end_with_the_next_word(
    command: str, options: str
) -> None:
    """Of a program that is no interpreter, all arguments count."""
    name, *arguments = command.split()
    assert read_options(name, tuple(arguments)) == tuple(options.split())


def test_no_code_in_what_is_stored(user_tmp: Path) -> None:
    """Of programs that run. The control: it is in their command lines."""
    perl = shutil.which("perl") or support.fail_or_skip("perl")
    no_writer = user_tmp / "fifo"
    os.mkfifo(no_writer)
    for command in (
        [str(perl), "-E", f"sleep(99+length{CODE!r})"],
        [str(perl), "-0777ne", f"sleep(99+length{CODE!r})", str(no_writer)],
        ["/usr/bin/python3", "-I", "-c", f"__import__('time').sleep(99+len({CODE!r}))"],
    ):
        with subprocess.Popen(command) as process:
            page = user_tmp / "page.html"
            try:
                while CODE not in Path(f"/proc/{process.pid}/cmdline").read_text():
                    assert process.poll() is None
                assert CODE not in str(audit_json(process.pid))
                audit("--html", page, process.pid)
                assert CODE not in page.read_text()
            finally:
                process.kill()
