"""What is compared: the ways to make the two calls, and the environments."""

from __future__ import annotations

import compileall
import importlib.util
import os
import shlex
import shutil
import subprocess
import sys
import sysconfig
from dataclasses import dataclass
from pathlib import Path

from measure import Command, MeasureError, start
from process_hardening import _native


@dataclass(frozen=True)
class Variant:
    """One way to harden: the statements that import, and those that call."""

    label: str
    imports: str
    call: str


OURS = "ours"
SMALLEST = "smallest"
BEHIND = "behind"
CTYPES = "ctypes"

CTYPES_CALL = """
if libc.prctl(4, 0, 0, 0, 0):
    raise OSError(ctypes.get_errno(), "prctl")
resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
"""

VARIANTS = {
    OURS: Variant(
        "process_hardening",
        "import process_hardening",
        "process_hardening.pre_main_hardening()",
    ),
    SMALLEST: Variant("(a) smallest C extension", "import smallest", "smallest.harden()"),
    BEHIND: Variant("(a) behind an __init__.py", "import behind", "behind.harden()"),
    CTYPES: Variant(
        "(b) ctypes, CDLL(None)",
        "import ctypes, resource",
        "libc = ctypes.CDLL(None, use_errno=True)" + CTYPES_CALL,
    ),
    "name": Variant(
        '(b) ctypes, CDLL("libc.so.6")',
        "import ctypes, resource",
        'libc = ctypes.CDLL("libc.so.6", use_errno=True)' + CTYPES_CALL,
    ),
    "find": Variant(
        '(c) ctypes, CDLL(find_library("c"))',
        "import ctypes, ctypes.util, resource",
        'libc = ctypes.CDLL(ctypes.util.find_library("c"), use_errno=True)' + CTYPES_CALL,
    ),
    "load": Variant(
        '(c) cdll.LoadLibrary(find_library("c"))',
        "import ctypes, ctypes.util, resource",
        'libc = ctypes.cdll.LoadLibrary(ctypes.util.find_library("c"))' + CTYPES_CALL,
    ),
}

# sys.path[0] is the working directory of -c; the folder under test takes its place.
# The failing import lists the folder, which the first import out of any folder pays for.
BARE = """
import sys
sys.path[0] = sys.argv[1]
try:
    import not_there
except ImportError:
    pass
"""

# Prints the ns of the import and of the first call.
ONCE = (
    BARE
    + """
from time import perf_counter_ns as now
begin = now()
{imports}
middle = now()
{call}
end = now()
print(middle - begin, end - middle)
"""
)

# Prints the ns of the first call, and the median of the later ones.
REPEATED = (
    BARE
    + """
from time import perf_counter_ns as now
{imports}
begin = now()
{call}
first = now() - begin
batches = []
for _ in range(101):
    begin = now()
    for _ in range(50):
        {call}
    batches.append((now() - begin) / 50)
print(first, sorted(batches)[50])
"""
)

# Prints the highest resident set of the process in KiB. Not ru_maxrss: that
# keeps the peak of the process before the exec, which is this benchmark's.
PEAK = """
with open("/proc/self/status") as file:
    for line in file:
        if line.startswith("VmHWM"):
            print(line.split()[1])
"""

CHECK = """
import ctypes, resource
print(ctypes.CDLL(None).prctl(3, 0, 0, 0, 0), *resource.getrlimit(resource.RLIMIT_CORE))
"""

LOADER_VARIABLES = {
    "LD_LIBRARY_PATH": "/opt/toolkit/lib64:/opt/toolkit/extras/lib64",
    "LD_RUN_PATH": "/opt/toolkit/lib64",
    "LD_DEBUG_OUTPUT": "/var/tmp/loader-trace",
}


def environment(count: int, loader_variables: bool = False) -> dict[str, str]:
    """An environment of count variables, 40 to 100 bytes each, as in a CI job or a container."""
    chosen = dict(LOADER_VARIABLES) if loader_variables else {}
    for number in range(count - len(chosen)):
        name = f"SERVICE_{number:04}_PORT_8443_TCP_ADDR"
        chosen[name] = "10.96.0.1:8443/" + "x" * (number * 7 % 60)
    return chosen


def compile_c(source: str, output: Path, *flags: str) -> str:
    """Compile a file of this folder; returns the command that did. Raises MeasureError."""
    compiler = os.environ.get("CC") or sysconfig.get_config_var("CC") or "cc"
    name = shlex.split(compiler)[0]
    if not shutil.which(name):
        name = "cc"
    command = [name, "-O2", *flags, str(Path(__file__).with_name(source)), "-o", str(output)]
    try:
        subprocess.run(command, check=True, capture_output=True, text=True)
    except FileNotFoundError:
        raise MeasureError("no C compiler: install gcc or clang, or set CC") from None
    except subprocess.CalledProcessError as error:
        raise MeasureError(f"`{shlex.join(command)}`: {error.stderr}") from None
    return shlex.join([name, "-O2", *flags, source])


def build_smallest(folder: Path) -> str:
    """Compile smallest.c into folder, alone and in a package; returns the command that did.

    Raises MeasureError.
    """
    include = sysconfig.get_path("include")
    flags = ["-shared", "-fPIC", f"-I{include}"]
    if sys.platform == "darwin":
        flags += ["-undefined", "dynamic_lookup"]
    behind = folder / "behind"
    behind.mkdir()
    (behind / "__init__.py").write_text("from behind.smallest import harden\n")
    command = compile_c("smallest.c", behind / "smallest.abi3.so", *flags)
    shutil.copy(behind / "smallest.abi3.so", folder)
    compileall.compile_dir(behind, quiet=1)
    return command


def copy_package(folder: Path) -> Path:
    """Copy the installed package into folder; returns where it came from. Raises MeasureError."""
    spec = importlib.util.find_spec("process_hardening")
    if spec is None or spec.origin is None:
        raise MeasureError(
            f"process_hardening is not installed for {sys.executable}: pip install . in its"
            " environment"
        )
    package = Path(spec.origin).parent
    shutil.copytree(package, folder / "process_hardening", symlinks=True)
    shutil.copy2(str(_native.__file__), folder)
    return package


def python(code: str, env: dict[str, str], folder: Path) -> Command:
    """A process of this interpreter that runs code, with folder in sys.argv[1]."""
    return Command([sys.executable, "-c", code, str(folder)], env)


def check(folder: Path) -> None:
    """See to it that every variant does what it is timed for. Raises MeasureError."""
    for variant in VARIANTS.values():
        code = "\n".join([BARE, variant.imports, variant.call, CHECK])
        *_, text = start(python(code, environment(50), folder))
        if text.split() != ["0", "0", "0"]:
            raise MeasureError(f"{variant.label} left dumpable, core limits at {text.strip()}")
