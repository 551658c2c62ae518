"""A confined program does everything else as before: same output, same status."""

from __future__ import annotations

import functools
import http.server
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

import support

GIT = "git -c user.name=n -c user.email=e -c init.defaultBranch=m"
PROGRAMS = Path(__file__).with_name("programs") / "unchanged"
# name: the programs that it needs, a shell script
SCRIPTS = {
    "git": (
        "git",
        f"{GIT} init -q r; cd r; echo a >f; git add f; {GIT} commit -qm m; git mv f g;"
        " git status --short; git clone -q . ../c; git -C ../c log --format=%s; git gc -q",
    ),
    "make": (
        "make cc",
        "printf 'a: b\\n\\tcp b a\\nb:\\n\\techo x >b\\n' >Makefile; make -j2; cat a",
    ),
    "cc": ("cc", "echo 'int main(void){return 0;}' >m.c; cc -o m m.c; ./m; echo $?"),
    "multiprocessing": ("", f"$PYTHON {PROGRAMS}/pool.py"),
    "gdb on its own child": (
        "gdb",
        "gdb -q -batch -ex starti -ex 'info registers rip' -ex kill true >out;"
        " grep -c rip out",
    ),
    "strace on its own child": ("strace", "strace -o log -f true; grep -c execve log"),
    "rename and link across folders": (
        "",
        "mkdir a b; echo x >a/f; ln a/f b/h; mv a/f b/g; mv b a/; cat a/b/g a/b/h; ls -R .",
    ),
    "symbolic links and fifos": ("mkfifo", "ln -s f l; mkfifo p; echo x >p & cat p; readlink l"),
    "file locks": ("", f"$PYTHON {PROGRAMS}/locks.py"),
    "inotify": ("", f"$PYTHON {PROGRAMS}/inotify.py"),
    "signals inside": ("", f"$PYTHON {PROGRAMS}/signals.py"),
    "limits of its own": ("", f"$PYTHON {PROGRAMS}/limits.py"),
    "curl to a local server": ("curl", "curl -s http://127.0.0.1:$PORT/"),
    "tmux inside": (
        "tmux",
        "tmux -S ./socket -f /dev/null new-session -d 'echo in >out; sleep 60';"
        " while ! test -s out; do sleep 0.05; done; cat out; tmux -S ./socket kill-server",
    ),
    "ps": ("ps", "ps -o comm= -p $$; ps -e -o pid= | grep -c '^ *1$'"),
    "node": ("node", "node -e 'require(`child_process`).fork(`-e`,[`1`],{execArgv:[`-e`,`1`]})"
             ".on(`exit`,c=>console.log(c))'"),
    "perl": ("perl", "perl -e 'print qx(echo $$ >/dev/null; echo perl)'"),
    "tar and gzip": ("tar gzip", "mkdir d; echo x >d/f; tar czf d.tgz d; tar tzf d.tgz"),
    "find and xargs": ("find", "touch a b; find . -type f | sort | xargs -P2 -n1 basename | sort"),
    "ssh-keygen": ("ssh-keygen", "ssh-keygen -qt ed25519 -N '' -f k; ssh-keygen -lf k | cut -c1-4"),
    "a mount in a user namespace": (
        "unshare",
        "unshare -Urm sh -c 'mount -t tmpfs none /mnt; echo x >/mnt/f; cat /mnt/f'",
    ),
    "namespaces of its own children": (
        "unshare nsenter",
        "unshare -Urm sh -c 'mount -t tmpfs none /mnt; echo x >/mnt/f; echo >up; exec sleep 60' &"
        " while ! test -s up; do sleep 0.05; done;"
        " nsenter -t $! -U -m --preserve-credentials cat /mnt/f; kill $!",
    ),
    "a shell with jobs": ("bash", "bash -mc 'sleep 60 & kill %1; wait %1; echo $?' 2>/dev/null"),
    "timeout": ("timeout", "timeout 0.1 sleep 60 || echo $?"),
    "sqlite": ("", f"$PYTHON {PROGRAMS}/database.py"),
    "asyncio": ("", "$PYTHON -c \"import asyncio as a; print(a.run("
                "a.create_subprocess_exec('true')).__class__)\""),
}  # fmt: skip


class Answerer(http.server.BaseHTTPRequestHandler):
    """Answers every request with one line."""

    def do_GET(self) -> None:
        """Answer."""
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b"hello\n")

    def log_message(self, *_: object) -> None:
        """Print nothing."""


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    """The port of a local web server outside."""
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Answerer) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server.server_port
        server.shutdown()


@pytest.mark.parametrize("name", SCRIPTS)
def test_a_program_says_and_does_the_same(
    confine: str, user_tmp: Path, port: int, name: str
) -> None:
    tools, script = SCRIPTS[name]
    for tool in tools.split():
        support.find_tool(tool)
    run = functools.partial(
        support.run_as_user,
        stderr=subprocess.STDOUT,
        capture_output=False,
        stdout=subprocess.PIPE,
        env={
            "PATH": "/usr/local/bin:/usr/bin:/bin",
            "PYTHON": sys.executable,
            "PORT": str(port),
            "HOME": str(user_tmp),
            "LC_ALL": "C.UTF-8",
            "SHELL": "/bin/sh",
            "TERM": "screen",
        },
    )
    results = []
    for prefix in ([], [confine]):
        folder = user_tmp / ("confined" if prefix else "plain")
        run(["mkdir", str(folder)])
        results.append(run([*prefix, "sh", "-ec", script], cwd=folder))

    plain, confined = results
    assert plain.returncode == 0, plain.stdout
    assert (confined.returncode, confined.stdout) == (plain.returncode, plain.stdout)


# What must differ: programs that gain rights at their start, and limits of other processes.
def test_a_set_user_id_program_gains_nothing(confine: str, make: support.Compiler) -> None:
    support.require_root()
    ids = "id -u"
    copy = make("show_user.c")
    copy.chmod(0o4755)
    assert support.run_as_user([str(copy)]).stdout == "0\n", ids
    assert support.run_as_user([confine, str(copy)]).stdout == f"{support.USER}\n"
    copy.chmod(0o755)


def test_a_limit_is_set_by_the_number_of_a_process_on_none(confine: str) -> None:
    """A filter cannot know the caller's own number; 0 stands for it."""
    result = support.run_as_user([confine, "sh", "-c", "prlimit --pid $$ --nofile=64"])
    assert result.returncode == 1
    assert "Operation not permitted" in result.stderr
