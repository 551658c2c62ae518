"""Child commands of every kind, for check_child(): the product of what can decide."""

from __future__ import annotations

import encodings
import importlib.util
import json
import marshal
import os
import shutil
import struct
import sys
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import support
from process_hardening import _native

BYPASS = {"CODEX_SKIP_HARDENING": "1"}
REQUEST = {_native.CHILDREN_VARIABLE: "1"}
CODE = "print(input(), flush=True); input()"
SHELL = "read line; echo $line; read line"
LOADERS = ("/lib64/ld-linux-x86-64.so.2", "/lib/ld-linux-aarch64.so.1")


@dataclass(frozen=True)
class Case:
    """A command, and how it is started.

    command -- the program and its arguments; is_alone -- given without a list; words -- as what
    env -- what is changed in the environment, None to remove; inherits -- else it starts empty
    behind -- what is changed in the environment of C behind os.environ
    was_wrong -- whether check_child() once promised something else
    """

    name: str
    command: tuple[str, ...]
    env: dict[str, str | None] | None = None
    inherits: bool = True
    behind: dict[str, str | None] = field(default_factory=dict)
    cwd: str | None = None
    close_fds: bool = True
    words: Literal["str", "path", "bytes"] = "str"
    is_alone: bool = False
    was_wrong: bool = False

    def request(self) -> str:
        """The line for programs/check_and_start.py."""
        return json.dumps({name: value for name, value in self.__dict__.items() if name != "name"})


def sample(cases: list[Case], count: int) -> list[Case]:
    """About so many, chosen evenly, and every case that was once wrong."""
    step = max(1, len(cases) // count)
    return [case for place, case in enumerate(cases) if case.was_wrong or place % step == 0]


# Python: options x environments, for every kind of interpreter.

OPTIONS: dict[str, tuple[str, ...]] = {
    "plain": (),
    **{flag: (flag,) for flag in ("-I", "-E", "-s", "-S", "-IS", "-bS", "-Bu", "-Wignore")},
    "-I -S": ("-I", "-S"),
    "-W ignore": ("-W", "ignore"),
    "-W ignore -S": ("-W", "ignore", "-S"),
    "-X dev": ("-X", "dev"),
    "-X dev -S": ("-X", "dev", "-S"),
    "-X S": ("-X", "S"),
    "-OO": ("-OO",),
    "-check -S": ("--check-hash-based-pycs", "never", "-S"),
    "-check": ("--check-hash-based-pycs", "never"),
}
FEW_OPTIONS = ("plain", "-I", "-E", "-S")


@dataclass(frozen=True)
class Environment:
    """What is changed in the environment of a Python."""

    changes: dict[str, str | None] | None
    inherits: bool = True
    was_wrong: bool = False


def environments(folder: Path) -> dict[str, Environment]:
    """The environments that decide about a Python; folder -- for the modules that shadow ours."""
    shadows = write_shadows(folder)
    return {
        "own": Environment(None),
        "empty": Environment({}, inherits=False),
        "request only": Environment({**REQUEST}, inherits=False),
        "no preload": Environment({"LD_PRELOAD": None}),
        "empty preload": Environment({"LD_PRELOAD": ""}),
        "foreign preload": Environment({"LD_PRELOAD": str(folder / "none.so")}),
        "bypass": Environment({**BYPASS}),
        "bypass 0": Environment({"CODEX_SKIP_HARDENING": "0"}),
        "bypass, request only": Environment({**REQUEST, **BYPASS}, inherits=False),
        "no request": Environment({_native.CHILDREN_VARIABLE: None}),
        "except python": Environment({_native.EXCEPT_VARIABLE: "nothing:python*"}),
        "except others": Environment({_native.EXCEPT_VARIABLE: "pytho:[p]ython*"}),
        "keep": Environment({_native.KEEP_VARIABLE: "LD_LIBRARY_PATH"}),
        "no user site": Environment({"PYTHONNOUSERSITE": "1", **REQUEST}, inherits=False),
        "home": Environment({"PYTHONHOME": sys.base_prefix, **REQUEST}, False, was_wrong=True),
        "executable": Environment(
            {"PYTHONEXECUTABLE": "/usr/bin/python3", **REQUEST}, False, was_wrong=True
        ),
        "other libraries": Environment(
            {"PYTHONPLATLIBDIR": str(folder / "none"), **REQUEST}, False
        ),
        "forged cache": Environment(
            {"PYTHONPYCACHEPREFIX": str(forge_encodings(folder / "cache")), **REQUEST},
            False,
            was_wrong=True,
        ),
        "filter": Environment(
            {"PYTHONPATH": str(folder / "filter"), "PYTHONWARNINGS": "ignore::first.W", **REQUEST},
            False,
            was_wrong=True,
        ),
        **{
            f"path {name}": Environment({"PYTHONPATH": str(path), **REQUEST}, False, was_wrong)
            for name, (path, was_wrong) in shadows.items()
        },
    }


def write_shadows(folder: Path) -> dict[str, tuple[Path, bool]]:
    """What PYTHONPATH may name; and whether check_child() was once wrong about it."""
    package, module, native, namespace, other, archive = (
        folder / name for name in ("package", "module", "native", "namespace", "other", "a.zip")
    )
    (package / "process_hardening").mkdir(parents=True)
    (package / "process_hardening" / "__init__.py").write_text("")
    for parent, name in (
        (module, "process_hardening.py"),
        (native, "_process_hardening.py"),
        (other, "other.py"),
    ):
        parent.mkdir()
        (parent / name).write_text("")
    (namespace / "process_hardening").mkdir(parents=True)
    with zipfile.ZipFile(archive, "w") as file:
        file.writestr("process_hardening.py", "")
    return {
        "package": (package, False),
        "module": (module, False),
        "native": (native, True),
        "namespace": (namespace, True),
        "other": (other, False),
        "archive": (archive, True),
    }


# Executed before the start-up hook, it makes it harden nothing.
FIRST = """
import sys
class W(Warning): pass
for name in ("process_hardening", "process_hardening.startup_hook"):
    sys.modules[name] = type(sys)(name)
    for call in ("pre_main_hardening", "harden_always", "harden_on_request"):
        setattr(sys.modules[name], call, lambda: None)
"""


def forge_cache(prefix: Path, source: Path, code: str) -> Path:
    """Put forged compiled code of a module below a folder for PYTHONPYCACHEPREFIX."""
    own, sys.pycache_prefix = sys.pycache_prefix, str(prefix)
    try:
        cached = Path(importlib.util.cache_from_source(str(source)))
    finally:
        sys.pycache_prefix = own
    facts = source.stat()
    head = importlib.util.MAGIC_NUMBER + struct.pack("<III", 0, int(facts.st_mtime), facts.st_size)
    cached.parent.mkdir(parents=True, exist_ok=True)
    cached.write_bytes(head + marshal.dumps(compile(code, str(source), "exec")))
    return prefix


def forge_encodings(prefix: Path) -> Path:
    """The same for the first module that Python imports."""
    source = Path(encodings.__file__)
    return forge_cache(prefix, source, source.read_text() + FIRST)


def code_before_the_hook(python: str, folder: Path) -> Iterator[Case]:
    """Options and variables together that execute code of the user before the start-up hook."""
    (folder / "filter").mkdir()
    (folder / "filter" / "first.py").write_text(FIRST)
    (folder / "site").mkdir()
    (folder / "site" / "site.py").write_text("def main(): pass\n")
    for name, options, path in (
        ("-X frozen_modules=off", ("-X", "frozen_modules=off"), "site"),
        ("-Xfrozen_modules=off", ("-Xfrozen_modules=off",), "site"),
        ("-W", ("-W", "ignore::first.W"), "filter"),
    ):
        yield Case(
            f"python {name}, path {path}",
            (python, *options, "-c", CODE),
            env={"PYTHONPATH": str(folder / path), **REQUEST},
            inherits=False,
            was_wrong=True,
        )
    yield Case(
        "python -X pycache_prefix",
        (python, "-X", f"pycache_prefix={folder / 'cache'}", "-I", "-c", CODE),
        env={**REQUEST},
        inherits=False,
        was_wrong=True,
    )
    yield Case(
        "python -X frozen_modules=off",
        (python, "-X", "frozen_modules=off", "-c", CODE),
        env={**REQUEST},
        inherits=False,
    )


def python_cases(python: str, folder: Path) -> Iterator[Case]:
    """Every option in some environments, and some options in every environment."""
    for env_name, env in environments(folder).items():
        for name, options in OPTIONS.items():
            if name not in FEW_OPTIONS and env_name not in ("own", "empty", "request only"):
                continue
            yield Case(
                f"python {name}, {env_name}",
                (python, *options, "-c", CODE),
                env=env.changes,
                inherits=env.inherits,
                was_wrong=env.was_wrong and name == "plain",
            )
    script = folder / "repeat.py"
    script.write_text(CODE)
    for name, words in {
        "script": (str(script),),
        "script with -S behind": (str(script), "-S"),
        "-S script": ("-S", str(script)),
        "module": ("-m", "repeat"),
        "module with -S behind": ("-m", "repeat", "-S"),
        "code with -S behind": ("-c", CODE, "-S"),
    }.items():
        for env_name, changes in (("own", None), ("request only", {**REQUEST})):
            yield Case(
                f"python {name}, {env_name}",
                (python, *words),
                env=dict(changes) if changes else None,
                inherits=changes is None,
                cwd=str(folder),
            )
    yield from code_before_the_hook(python, folder)
    yield from interpreter_cases(python, folder)


def interpreter_cases(python: str, folder: Path) -> Iterator[Case]:
    """The interpreter by its other names, by links and copies, with the hook alone and without."""
    beside = Path(python).parent
    link, copied = folder / "link", folder / "copied"
    link.symlink_to(python)
    shutil.copy(os.path.realpath(python), copied)
    names = sorted({str(path) for path in beside.glob("python3*")})
    for path in (*names, str(link), str(copied), "/usr/bin/python3"):
        for env_name, changes in (("own", None), ("request only", {**REQUEST})):
            for flag in ("-E", "-S"):
                yield Case(
                    f"{Path(path).name} {flag} in {Path(path).parent.name}, {env_name}",
                    (path, flag, "-c", CODE),
                    env=dict(changes) if changes else None,
                    inherits=changes is None,
                )
    for words in ("python3", "./python3", "../bin/python3"):
        yield Case(
            f"{words} from its folder",
            (words, "-c", CODE),
            env={"PATH": str(beside), **REQUEST},
            inherits=False,
            cwd=str(beside),
            was_wrong=words.startswith("."),
        )


# Programs: kinds of files x environments.

PROGRAM_ENVIRONMENTS: dict[str, dict[str, str | None] | None] = {
    "own": None,
    "no preload": {"LD_PRELOAD": None},
    "bypass": {**BYPASS},
    "except all": {_native.EXCEPT_VARIABLE: "*"},
}


class Programs:
    """Programs and scripts of every kind in a folder, by name: the words that start them."""

    def __init__(self, folder: Path, make: support.Compiler, python: str) -> None:
        self.folder = folder
        self.python = python
        self.words: dict[str, tuple[str, ...]] = {}
        self.was_wrong: set[str] = set()
        self.add_builds(make)
        self.add_loaders()
        self.add_modes()
        self.add_links()
        self.add_scripts()
        self.add_tools()

    def add(self, name: str, *words: str, was_wrong: bool = False) -> None:
        """Add a command."""
        self.words[name] = words
        if was_wrong:
            self.was_wrong.add(name)

    def add_builds(self, make: support.Compiler) -> None:
        """Programs of every kind of ELF file."""
        raw = ("-nostdlib", "-ffreestanding", "-fno-stack-protector", "-Wl,-e,start")
        loader = make("raw_repeat.c", *raw, "-static-pie", "-fPIE", name="loader")
        self.dynamic = str(make("repeat.c", name="repeat-dynamic"))
        self.add("dynamic", self.dynamic)
        self.add("no pie", str(make("repeat.c", "-no-pie", name="repeat-no-pie")))
        self.add("musl", str(make("repeat.c", name="repeat-musl", cc="musl-gcc")))
        self.add("static", str(make("repeat.c", "-static", name="repeat-static")))
        self.add("raw static", str(loader))
        foreign = make("repeat.c", f"-Wl,--dynamic-linker={loader}", name="repeat-foreign")
        self.add("foreign loader", str(foreign), was_wrong=True)
        missing = make("repeat.c", "-Wl,--dynamic-linker=/none/ld-linux.so", name="repeat-missing")
        self.add("missing loader", str(missing), was_wrong=True)
        asan = make("repeat.c", "-fsanitize=address", name="repeat-asan", cc="gcc")
        self.add("address sanitizer", str(asan), was_wrong=True)

    def add_loaders(self) -> None:
        """Programs below a dynamic loader that is called explicitly."""
        loader = next(filter(os.path.exists, LOADERS), None)
        if loader is None:
            return
        static = self.words["static"][0]
        named = self.folder / "bwrap-by-loader" / "bwrap"
        named.parent.mkdir()
        shutil.copy(self.dynamic, named)
        for name, words in {
            "dynamic": (self.dynamic,),
            "static": (static,),
            "static with --argv0": ("--argv0", self.dynamic, static),
            "static with --preload": ("--preload", loader, static),
            "called bwrap": (str(named),),
        }.items():
            self.add(f"loader, {name}", loader, *words, was_wrong=name != "dynamic")

    def copy(self, name: str, mode: int) -> str:
        """A copy of the dynamic program with another mode."""
        path = self.folder / name
        shutil.copy(self.dynamic, path)
        path.chmod(mode)
        return str(path)

    def add_modes(self) -> None:
        """Files of other modes, and what is no program at all."""
        self.add("not executable", self.copy("unexecutable", 0o644))
        self.add("execute-only", self.copy("unreadable", 0o711))
        if os.getuid() == 0:
            self.add("set-user-ID", self.copy("raised", 0o4755))
            self.add("set-group-ID", self.copy("raised-group", 0o2755))
        for name, text in (("text", "no program\n"), ("nothing", ""), ("cut", "\x7fELF")):
            path = self.folder / name
            path.write_text(text)
            path.chmod(0o755)
            self.add(name, str(path))
        self.add("folder", str(self.folder))
        self.add("missing file", str(self.folder / "none"))
        self.add("missing name", "no-such-program")
        self.add("empty name", "")

    def add_links(self) -> None:
        """Names that our library knows, and others."""
        for name, target in (
            ("repeat-link", self.dynamic),
            ("unshare", self.dynamic),
            ("unshared", shutil.which("unshare") or "/usr/bin/unshare"),
            ("dangling", "none"),
        ):
            (self.folder / name).symlink_to(target)
        self.add("link", str(self.folder / "repeat-link"))
        self.add("link called unshare", str(self.folder / "unshare"))
        self.add("link to unshare", str(self.folder / "unshared"), "cat")
        self.add("dangling link", str(self.folder / "dangling"))

    def script(self, name: str, line: str, text: str, was_wrong: bool = False) -> str:
        """Add a script; returns its path."""
        path = self.folder / f"script-{len(self.words)}"
        path.write_text(f"{line}\n{text}\n")
        path.chmod(0o755)
        self.add(name, str(path), was_wrong=was_wrong)
        return str(path)

    def add_scripts(self) -> None:
        """Scripts with first lines of every kind."""
        self.script("#!sh", "#!/bin/sh", SHELL)
        self.script("#! sh with blanks", "#! \t/bin/sh -e ", SHELL)
        self.script("#!python", f"#!{self.python}", CODE)
        self.script("#!python -S", f"#!{self.python} -S", CODE)
        env = "#!/usr/bin/env"
        for blank in ("", " "):
            line = f"#!{blank}/usr/bin/env"
            self.script(f"{line} sh", f"{line} sh", SHELL)
            self.script(f"{line} -S sh -e", f"{line} -S sh -e", SHELL)
            for variable in ("CODEX_SKIP_HARDENING=1", "LD_PRELOAD=", "A=1"):
                self.script(
                    f"{line} -S {variable} sh", f"{line} -S {variable} sh", SHELL, bool(blank)
                )
        self.script("#!/bin/env sh", "#!/bin/env sh", SHELL)
        self.script("#!env -i", f"{env} -S -i sh", SHELL)
        self.script("#!env -u", f"{env} -S -u LD_PRELOAD sh", SHELL)
        self.script("#!env with PATH", f"{env} -S PATH=/bin sh", SHELL)
        self.script("#!env of nothing", f"{env} no-such-program", SHELL)
        self.script("#!missing", "#!/none/sh", SHELL)
        self.script("#!static", f"#!{self.words['static'][0]}", "")
        inner = self.script("#!dynamic", f"#!{self.dynamic}", "")
        for depth in range(2, 7):
            inner = self.script(f"#! {depth} in a row", f"#!{inner}", "")
        named = self.folder / "bwrap"
        named.write_text(f"#!/bin/sh\n{SHELL}\n")
        named.chmod(0o755)
        self.add("script called bwrap", str(named))

    def add_tools(self) -> None:
        """Real programs, as far as they are here."""
        tools: dict[str, tuple[str, ...]] = {
            "cat": (),
            "sh": ("-c", SHELL),
            "bash": ("-c", SHELL),
            "busybox": ("cat",),
            "perl": ("-e", "$| = 1; print scalar <STDIN>; <STDIN>"),
            "env": ("cat",),
            "nice": ("cat",),
            "unshare": ("cat",),
            "bwrap": ("--dev-bind", "/", "/", "cat"),
        }
        for name, words in tools.items():
            if shutil.which(name):
                self.add(name, name, *words)
        self.add("env -i", "env", "-i", "cat")

    def cases(self) -> Iterator[Case]:
        """Every command in every environment, and other ways to start some of them."""
        for name, words in self.words.items():
            for env_name, env in PROGRAM_ENVIRONMENTS.items():
                was_wrong = name in self.was_wrong and env_name == "own"
                yield Case(
                    f"{name}, {env_name}",
                    words,
                    env=dict(env) if env else None,
                    was_wrong=was_wrong,
                )
        yield from self.other_ways()
        yield from self.exceptions()

    def other_ways(self) -> Iterator[Case]:
        """Other types, working directories, search paths, descriptors."""
        repeat = self.dynamic
        folder, name = os.path.split(repeat)
        kinds: tuple[Literal["str", "path", "bytes"], ...] = ("str", "path", "bytes")
        environments: tuple[dict[str, str | None] | None, ...] = (None, {})
        for words in kinds:
            for is_alone in (True, False):
                for env in environments:
                    yield Case(
                        f"{words}, alone {is_alone}, env {env}",
                        (repeat,),
                        env=env,
                        words=words,
                        is_alone=is_alone,
                        was_wrong=words == "bytes",
                    )
        yield Case("open descriptors", (repeat,), close_fds=False)
        yield Case("relative", (f"./{name}",), cwd=folder, was_wrong=True)
        loader = self.words.get("loader, dynamic", ("/none",))[0]
        for at in (folder, "/"):
            yield Case(f"loader, relative, {at}", (loader, f"./{name}"), cwd=at, was_wrong=True)
        yield Case("relative elsewhere", (f"./{name}",), cwd="/")
        yield Case("found in PATH", (name,), env={"PATH": folder}, was_wrong=True)
        yield Case("not in PATH", ("cat",), env={"PATH": folder}, was_wrong=True)
        yield Case("no PATH", ("cat",), env={"PATH": None})
        yield Case("in a relative PATH", (name,), env={"PATH": "."}, cwd=folder, was_wrong=True)
        yield Case("PATH of env", (self.words["#!/usr/bin/env sh"][0],), env={"PATH": folder})
        for what, value in (("gone", None), ("another", "/none.so")):
            yield Case(
                f"preload {what} behind os.environ",
                (repeat,),
                behind={"LD_PRELOAD": value},
                was_wrong=True,
            )
        asan = self.words["address sanitizer"]
        yield Case("sanitizer, any order", asan, env={"ASAN_OPTIONS": "verify_asan_link_order=0"})

    def exceptions(self) -> Iterator[Case]:
        """Names that PROCESS_HARDENING_EXCEPT has: of the program, or of a script."""
        env_script = self.words["#!/usr/bin/env sh"][0]
        sh_script = self.words["#!sh"][0]
        for pattern, was_wrong in (("sh", True), ("script-*", False), ("env", False)):
            for name, word in (("env", env_script), ("sh", sh_script)):
                yield Case(
                    f"except {pattern}: {name} script",
                    (word,),
                    env={_native.EXCEPT_VARIABLE: pattern},
                    was_wrong=was_wrong,
                )
        for value in (None, "0"):
            yield Case(
                f"except all, children {value}",
                (self.dynamic,),
                env={_native.EXCEPT_VARIABLE: "*", _native.CHILDREN_VARIABLE: value},
                was_wrong=True,
            )
