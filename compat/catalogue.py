"""The table of programs: what each is to do, where it comes from, and what must be equal.

To add a program, add a folder with `run.sh` to compat/workloads (scene.py says how it is run) and a
row here; a package of PyPI also goes to requirements.txt, one of npm to package.json.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from importlib import metadata
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent
ENVIRONMENT = Path(sys.executable).parent
FOLDERS = [
    str(ENVIRONMENT),
    str(ENVIRONMENT.parent / "node_modules" / "deno"),
    str(ENVIRONMENT.parent / "node_modules" / ".bin"),
    *map(str, Path("/usr/lib/postgresql").glob("*/bin")),
    "/usr/bin",
    "/bin",
    "/usr/sbin",
    "/sbin",
    "/usr/lib/wine",
]
"""Where workloads find programs: PATH."""

ALL_WAYS = ("plain", "harden", "children", "memory")
WITHOUT_MEMORY = ("plain", "harden", "children")
CACHES = (".cache", ".cache/*", "*/__pycache__", "*/__pycache__/*", "__pycache__", "__pycache__/*")


def everything(output: str) -> list[str]:
    """All output."""
    return output.splitlines()


def in_any_order(output: str) -> list[str]:
    """All lines, in any order."""
    return sorted(output.splitlines())


def recap(output: str) -> list[str]:
    """What each task did."""  # Ids of jobs differ.
    return re.findall(r"^(?:ok|changed|fatal|failed|localhost)\b.*", output, re.MULTILINE)


def pytest_results(output: str) -> list[str]:
    """Failed tests and counts."""
    lines = re.findall(r"^(?:FAILED|ERROR) \S+", output, re.MULTILINE)
    return [*sorted(lines), *re.findall(r"^(\d+ (?:passed|failed).*) in [\d.]+s", output, re.M)]


def unittest_results(output: str) -> list[str]:
    """Failed tests and counts."""
    lines = re.findall(r"^(?:FAIL|ERROR): .*", output, re.MULTILINE)
    counts = re.findall(r"^Ran (\d+ tests) in .*\n\n(\w+(?: \(.*\))?)$", output, re.MULTILINE)
    return [*sorted(lines), *(f"{number}: {verdict}" for number, verdict in counts)]


@dataclass(frozen=True)
class Program:
    """A program and its workload.

    slug -- its name on the command line, and its folder in compat/workloads
    name -- its name in the table
    does -- what its workload does
    source -- where it comes from: `apt NAME...`, `pip NAME...`, `npm NAME...`, or words
    commands -- what must be in PATH
    version -- a command line that prints its version; none: those of its packages of PyPI
    results -- what of its output counts
    varies -- patterns of files that differ from run to run
    differences -- way: why it differs there
    absent -- why it is not run
    """

    slug: str
    name: str
    does: str
    source: str
    commands: tuple[str, ...] = ()
    version: str = ""
    results: Callable[[str], list[str]] = everything
    varies: tuple[str, ...] = ()
    differences: dict[str, str] = field(default_factory=dict)
    ways: tuple[str, ...] = ALL_WAYS
    root: bool = False
    timeout: int = 300
    absent: str = ""

    @property
    def workload(self) -> Path:
        """Its folder."""
        return HERE / "workloads" / self.slug

    @property
    def compared(self) -> str:
        """What must be equal, in words."""
        output = (self.results.__doc__ or "").rstrip(".").lower()
        if "*" in self.varies:
            return f"{output}; status"
        but = ", ".join(f"`{name}`" for name in self.varies if name not in CACHES)
        return f"{output}; status; files{f' but {but}' if but else ''}"

    def missing(self) -> str:
        """Why it cannot be run here; empty if it can."""
        path = os.pathsep.join(FOLDERS)
        without = [name for name in self.commands if not shutil.which(name, path=path)]
        if self.absent or not without:
            return self.absent
        return f"no {', '.join(without)} on this machine ({self.source})"

    def versions(self) -> list[str]:
        """Its version, or those of its packages."""
        if self.missing():
            return []
        kind, *packages = self.source.split()
        if kind == "pip" and not self.version:
            return [f"{name} {metadata.version(name)}" for name in packages]
        if not self.version:
            return []
        result = subprocess.run(
            ["sh", "-c", self.version],
            env={"PATH": os.pathsep.join(FOLDERS), "HOME": "/nonexistent", "LANG": "C.UTF-8"},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        found = re.search(r"\d+(?:[.:]\w+)+", result.stdout)
        return [found[0]] if found else []


def cpython(slug: str, name: str) -> Program:
    """A row for some of CPython's own tests."""
    return Program(
        slug,
        f"CPython's {name}",
        "its own tests",
        "apt libpython3.11-testsuite",
        version="/usr/bin/python3 --version",
        results=unittest_results,
        varies=("*",),
        timeout=1800,
        ways=WITHOUT_MEMORY,
    )


PYTHON = [
    Program("ipython", "ipython", "magics, a shell command, a traceback, a pool", "pip ipython", varies=(".ipython*", *CACHES)),
    Program("nbconvert", "nbconvert", "executes a notebook", "pip nbconvert ipykernel", varies=(".*", *CACHES)),
    Program("gunicorn", "gunicorn with flask", "answers 200 requests and ends by SIGTERM", "pip gunicorn flask", varies=("server.log", *CACHES)),
    Program("uvicorn", "uvicorn with starlette", "answers 200 requests and ends by SIGTERM", "pip uvicorn starlette", varies=("server.log", *CACHES)),
    Program("celery", "celery", "20 tasks through the filesystem broker, then SIGTERM", "pip celery", varies=("worker.log", "queue/*", *CACHES)),
    Program("ansible", "ansible-playbook", "facts, commands, a background job, files on localhost", "pip ansible-core", results=recap, varies=(".ansible*", *CACHES)),
    Program("numpy", "numpy", "products and a decomposition on OpenBLAS threads", "pip numpy"),
    Program("cryptography", "cryptography", "encrypts, signs, makes a certificate", "pip cryptography"),
    Program("click", "click's own tests", "its own tests", "pip click pytest", results=pytest_results, varies=("*",), timeout=900),
    cpython("cpython-subprocess", "test_subprocess"),
    cpython("cpython-multiprocessing", "test_multiprocessing_spawn"),
    cpython("cpython-asyncio", "test_asyncio"),
    cpython("cpython-processes", "test_os, test_posix, test_signal, test_threading, test_faulthandler"),
    Program("pyinstaller", "PyInstaller", "a onefile and a onedir program start themselves and a pool", "pip pyinstaller", ("pyinstaller",)),
    Program("uv", "uv", "makes an environment, installs a wheel, runs its script and a tool", "pip uv", ("uv",), varies=("cache*", "venv/*", ".local/*", ".cache/*")),
    Program("uvx", "uvx", "finds uv beside itself and runs a tool", "pip uv", ("uvx",), varies=("cache*", ".local/*", ".cache/*")),
    Program("scripts", "entry points of pip and pipx", "a script, one in a path with a blank, one found in PATH", "apt python3-venv", version="python3 --version", varies=("*",)),
]

SCRIPT_ENGINES = [
    Program("node", "Node.js", "fork, cluster, worker threads, `--test`, starts process.execPath", "apt nodejs", ("node",), "node --version"),
    Program("npm", "npm, npx", "installs a local package, runs scripts and tests, packs", "apt npm", ("npm", "npx"), "npm --version", varies=(".npm*", "application/node_modules/.package-lock.json")),
    Program("node-addon", "a native add-on of Node.js", "loads it and calls it", "cc", ("node", "cc"), "node --version"),
    Program("bun", "Bun", "starts process.execPath, forks, serves, tests, bundles", "npm bun", ("bun",), "bun --version", varies=(".bun*", *CACHES)),
    Program("deno", "Deno", "starts Deno.execPath(), a worker, tests, compiles a program", "npm deno", ("deno",), "deno --version", varies=("compiled", *CACHES, ".deno*")),
    Program("perl", "Perl", "`$^X`, IPC::Open3, `prove`, fork, exec", "apt perl", ("perl", "prove"), "perl -e 'print $^V'"),
    Program("ruby", "Ruby", "starts itself, fork, sockets, signals, erb", "apt ruby", ("ruby",), "ruby --version"),
    Program("php", "PHP", "starts PHP_BINARY, fork, exec, the built-in server", "apt php-cli", ("php", "curl"), "php --version"),
    Program("php-fpm", "php-fpm", "answers, restarts itself by USR2, answers, ends by QUIT", "apt php-fpm", ("php-fpm8.2",), "php-fpm8.2 --version", varies=("fpm.log", "log")),
    Program("interpreters", "Lua, LuaJIT, Tcl, Guile, m4, awk", "programs, one that starts itself", "apt lua5.4 luajit tcl guile-3.0 m4", ("lua5.4", "luajit", "tclsh", "guile", "m4")),
    Program("erlang", "Erlang", "erl, escript, erlc; processes and ports", "apt erlang-base", ("erl", "escript"), "erl -noshell -eval 'io:format(\"~s.0\", [erlang:system_info(otp_release)]), halt().'"),
    Program("sbcl", "SBCL", "starts itself, saves itself as a program and runs that", "apt sbcl", ("sbcl",), "sbcl --version", varies=("saved",)),
]

COMPILED = [
    Program("java", "Java", "starts itself by ProcessHandle's path, threads, shutdown hooks", "apt openjdk-17-jdk-headless", ("java", "javac"), "java -version"),
    Program("jdk", "javac, jar, jshell, jdeps, javap", "compile, pack, run, a session", "apt openjdk-17-jdk-headless", ("javac", "jar", "jshell"), "javac -version", varies=("hello.jar", ".java*")),
    Program("go", "Go", "`go build` and `vet`; a static program starts itself by os.Executable", "apt golang-go", ("go",), "go version", varies=("cache*", ".config*")),
    Program("rust", "Rust", "rustc; a dynamic and a static program start themselves by current_exe", "apt rustc", ("rustc",), "rustc --version"),
    Program("ripgrep", "ripgrep", "searches on threads, through a filter", "apt ripgrep", ("rg",), "rg --version"),
    Program("clang", "Clang", "compiles, which starts itself; reports errors", "apt clang", ("clang",), "clang --version"),
    Program("gcc", "GCC, binutils, make", "compile with LTO, link statically and again, a parallel make", "apt gcc make", ("gcc", "make"), "gcc --version"),
    Program("cmake", "CMake, CTest", "configures, builds, tests, runs its own path", "apt cmake", ("cmake", "ctest"), "cmake --version", varies=("build/*", "log")),
    Program("valgrind", "Valgrind", "memcheck and callgrind on a program that leaks and forks", "apt valgrind", ("valgrind",), "valgrind --version", varies=("log", "out")),
    Program("self-reader", "self-extracting programs", "read what is appended to themselves, by path", "cc", ("cc",)),
    Program(
        "self-link",
        "a program that opens /proc/self/exe itself",
        "reads its own file through the link, not by the path it names",
        "cc",
        ("cc",),
        differences=dict.fromkeys(("harden", "children", "memory"), "refused: the link leads to a file that nobody may read"),
    ),
]

SHELLS = [
    Program("bash", "bash", "jobs, traps, pipes, co-processes, scripts by `#!`", "apt bash", ("bash",), "bash --version", results=everything),
    Program("zsh", "zsh", "modules, traps, pipes, scripts by `#!`", "apt zsh", ("zsh",), "zsh --version"),
    Program("fish", "fish", "functions, pipes, starts itself by its own path", "apt fish", ("fish",), "fish --version", varies=(".config*", ".local*", *CACHES)),
    Program("shells", "dash, ksh, mksh", "one script in each", "apt dash ksh mksh busybox", ("dash", "ksh93", "mksh", "busybox")),
    Program("busybox", "BusyBox, static", "applets, its shell that starts itself for each, httpd", "apt busybox-static", ("busybox",), "busybox --help"),
    Program("launchers", "env, nice, timeout, nohup, setsid, xargs, taskset, chrt, ionice, prlimit, stdbuf, script, flock", "start other programs", "apt coreutils findutils util-linux", ("chrt", "script", "flock"), "env --version"),
    Program("tini", "tini", "children, signals, orphans", "apt tini", ("tini",), "tini --version"),
    Program("dumb-init", "dumb-init", "children, rewritten signals", "apt dumb-init", ("dumb-init",), "dumb-init --version"),
    Program("setpriv", "setpriv", "drops rights and becomes another program", "apt util-linux", ("setpriv",), "setpriv --version"),
    Program("unshare", "unshare, bwrap", "make a user namespace for themselves", "apt util-linux bubblewrap", ("unshare", "bwrap"), "bwrap --version", differences=dict.fromkeys(("harden", "children", "memory"), "refused: a process that nobody may read cannot write its uid_map")),
    Program("sandboxes", "unshare and bwrap as children", "a shell starts them", "apt util-linux bubblewrap", ("unshare", "bwrap"), "bwrap --version"),
    Program("strace", "strace", "traces children of its own", "apt strace", ("strace",), "strace --version", varies=("trace", "counts")),
    Program("asan", "programs with AddressSanitizer", "end well, and with an error; below a shell too", "cc", ("cc",), varies=("log",)),
    Program("read-by-others", "a shell whose children read its /proc", "exe, environ, fd, maps", "apt bash", ("bash",), "bash --version", differences=dict.fromkeys(("harden", "children", "memory"), "refused: other processes may not read it")),
    Program("own-preload", "faketime, jemalloc", "wrappers that preload their own library", "apt faketime libjemalloc2", ("faketime",), "faketime --version"),
]

TOOLS = [
    Program("git", "git", "commits with hooks, clone, push, rebase, gc, bisect", "apt git", ("git",), "git --version", varies=("*/.git/index", "*/.git/gc.*")),
    Program("ssh", "ssh, sshd, scp, sftp, ssh-agent", "a server on a local port, SIGHUP, transfers, an agent", "apt openssh-server", ("ssh", "/usr/sbin/sshd"), "ssh -V", varies=("host*", ".ssh/*", "known*", "sshd.*", "ssh-*")),
    Program("gpg", "GnuPG", "keys, signatures, encryption, through its agent", "apt gpg gpg-agent", ("gpg", "gpg-agent"), "gpg --version", varies=("*.gnupg*", ".gnupg*", "file.sig", "secret", "symmetric")),
    Program("tmux", "tmux", "a session with a shell, panes, buffers", "apt tmux", ("tmux",), "tmux -V", varies=("tmux-*",)),
    Program("vim", "Vim", "filters, jobs, starts v:progpath", "apt vim", ("vim",), "vim --version", varies=(".viminfo",)),
    Program("neovim", "Neovim", "starts v:progpath with two protocols", "apt neovim", ("nvim",), "nvim --version", varies=(".local*", ".cache*")),
    Program("emacs", "Emacs", "byte-compiles, starts itself, pipes", "apt emacs-nox", ("emacs",), "emacs --version", varies=(".emacs.d*",)),
    Program("curl", "curl, rsync, tar, openssl, find", "ask a server, copy, pack, sign", "apt curl rsync openssl", ("curl", "rsync", "openssl"), "curl --version", varies=("key", "certificate", "pages.tar.gz", "copied*", "by-shell*")),
    Program("sqlite", "sqlite3", "a table, queries, a dump", "apt sqlite3", ("sqlite3",), "sqlite3 --version"),
    Program("chromium", "Chromium", "the wrapper and the binary draw a page with a worker, print a PDF", "apt chromium", ("chromium",), "chromium --version", varies=("*",), timeout=180),
    Program("wine", "Wine", "cmd and reg of Windows", "apt wine64", ("wine64",), "wine64 --version", varies=("prefix*", "wine-*", ".*")),
    Program("qemu-system", "qemu-system-x86_64", "finds its BIOS, boots a sector; qemu-img", "apt qemu-system-x86 qemu-utils", ("qemu-system-x86_64", "qemu-img"), "qemu-system-x86_64 --version"),
    Program("qemu-user", "qemu-x86_64", "a static guest, a dynamic one, a shell with a child", "apt qemu-user", ("qemu-x86_64",), "qemu-x86_64 --version"),
    Program("found-by-name", "pgrep, ps, pidof, start-stop-daemon, killall, `audit --name`", "find a program by name and by path, as root", "apt procps psmisc", ("pgrep", "pidof", "killall", "start-stop-daemon"), "pgrep --version", root=True),
]

SERVERS = [
    Program("postgresql", "PostgreSQL", "initdb, server, queries, restart, vacuum, single-user", "apt postgresql", ("initdb", "psql", "createdb"), "postgres --version", varies=("data*", "log", ".s.PGSQL*")),
    Program("redis", "Redis", "commands, a script, a background save, shutdown", "apt redis-server", ("redis-server", "redis-cli"), "redis-server --version", varies=("log", "dump.rdb", "appendonlydir/*")),
    Program("redis-restart", "Redis, DEBUG RESTART", "becomes itself again by exec", "apt redis-server", ("redis-server",), "redis-server --version", varies=("log", "dump.rdb")),
    Program("nginx", "nginx", "answers, reloads, becomes a new binary by USR2", "apt nginx-light", ("nginx", "curl"), "nginx -v", varies=("logs/*",)),
    Program("apache", "Apache httpd", "answers, CGI, a graceful restart", "apt apache2", ("apache2", "curl"), "apache2 -v", varies=("logs/*",)),
    Program("lighttpd", "lighttpd", "answers, restarts by USR1", "apt lighttpd", ("lighttpd", "curl"), "lighttpd -v", varies=("log",)),
    Program("memcached", "memcached", "answers on four threads, ends by SIGTERM", "apt memcached", ("memcached",), "memcached --version"),
]

ABSENT = [
    Program("conda", "conda, micromamba", "", "", absent="neither PyPI nor npm nor Debian has them"),
]

PROGRAMS = [*SCRIPT_ENGINES, *COMPILED, *SHELLS, *TOOLS, *SERVERS, *PYTHON, *ABSENT]
