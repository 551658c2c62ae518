"""Fixtures for all tests; their helpers are in support.py."""

from __future__ import annotations

import fnmatch
import gc
import os
import resource
import shutil
import signal
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

import support


def pytest_configure() -> None:
    """Allow core dumps to programs that ask for them, or end: `ulimit -c 0` forbids even that."""
    hard = resource.getrlimit(resource.RLIMIT_CORE)[1] or resource.RLIM_INFINITY
    try:
        resource.setrlimit(resource.RLIMIT_CORE, (0, hard))
    except ValueError:
        raise pytest.UsageError("no core dumps to compare with: ulimit -Hc must not be 0") from None


def pytest_collection_finish() -> None:
    """Look for garbage seldom: in so large a process, it costs tests of the monitor a quarter."""
    gc.freeze()
    gc.set_threshold(50_000, 20, 50)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Run the tests of verify first, and those that change fs.suid_dumpable last.

    The first mostly wait, while the other workers run. The last wait until no test that depends on
    the setting is running. An idle worker takes tests from the end of another's list, so the first
    of them waits for a minute or more: until the other workers have no other tests.
    """

    def place(item: pytest.Item) -> tuple[bool, bool]:
        changes_it = "suid_dumpable" in getattr(item, "fixturenames", ())
        return changes_it, "verify" not in item.path.parts

    items.sort(key=place)


@pytest.fixture(scope="session", autouse=True)
def default_signals() -> None:
    """Undo ignored signals, which started programs inherit: nohup and background jobs set them."""
    for number in (signal.SIGHUP, signal.SIGQUIT):
        signal.signal(number, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session", autouse=True)
def default_umask() -> None:
    """The unprivileged user has to read what the tests write."""
    os.umask(0o022)


@pytest.fixture(scope="session", autouse=True)
def unset_terminal_size() -> None:
    """Programs under test ask their own terminal; pytest-xdist sets the size for its workers.

    So does readline, which pytest imports, behind the back of os.environ.
    """
    for name in ("COLUMNS", "LINES"):
        os.environ.pop(name, None)
        os.unsetenv(name)  # readline, which pytest imports, sets them behind os.environ


@pytest.fixture(scope="session", autouse=True)
def no_loader_variables() -> None:
    """Programs under test get no LESSOPEN or PYTHONPATH of whoever runs the tests."""
    from process_hardening.variables import STRICT_VARIABLES

    for name in list(os.environ):
        if any(fnmatch.fnmatchcase(name, pattern) for pattern in STRICT_VARIABLES):
            del os.environ[name]


@pytest.fixture(scope="session", autouse=True)
def fewer_plugins() -> None:
    """A pytest under test loads no more plugins than this one (addopts in pyproject.toml)."""
    os.environ["PYTEST_ADDOPTS"] = "-pno:langsmith_plugin -pno:anyio"


@pytest.fixture(scope="session", autouse=True)
def cheap_change_of_user() -> Iterator[None]:
    """Have support.change_user() start programs through one of ours."""
    with tempfile.TemporaryDirectory(prefix="ph-as-user-") as name:
        sources = Path(__file__).with_name("programs") / "launch"
        support.private_compiler = support.Compiler(sources, Path(name))
        yield


@pytest.fixture(scope="session", autouse=True)
def installed_wheel() -> None:
    """Fail unless process_hardening comes from the installed wheel, not from the source tree."""
    import process_hardening

    where = Path(str(process_hardening.__file__)).resolve()
    assert where.is_relative_to(Path(sys.prefix).resolve()), f"not installed: {where}"


@pytest.fixture(scope="session")
def python() -> str:
    """Return the interpreter that the wheel is installed for."""
    return sys.executable


@pytest.fixture(scope="session")
def command() -> str:
    """Return the path of the installed process-hardening command."""
    return str(Path(sys.executable).with_name("process-hardening"))


@pytest.fixture
def user_tmp() -> Iterator[Path]:
    """Make an empty folder that the unprivileged user owns."""
    folder = Path(tempfile.mkdtemp(prefix="ph-test-"))
    if os.getuid() == 0:
        os.chown(folder, support.USER, support.USER)
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder)


@pytest.fixture(scope="session")
def shared_folder(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Path:
    """Return a folder of the whole test run, for support.make_once()."""
    base = tmp_path_factory.getbasetemp()
    return base if worker_id == "master" else base.parent  # as pytest-xdist's documentation says


@pytest.fixture(scope="session")
def compiler() -> Iterator[support.Compiler]:
    """Build the C programs of programs/launch/."""
    with tempfile.TemporaryDirectory(prefix="ph-compiled-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        yield support.Compiler(Path(__file__).with_name("programs") / "launch", folder)


@pytest.fixture
def core_pattern() -> Iterator[support.Sysctl]:
    """Lock kernel.core_pattern, and restore it even if the test fails."""
    with support.Sysctl("kernel/core_pattern") as sysctl:
        yield sysctl


@pytest.fixture
def suid_dumpable() -> Iterator[support.Sysctl]:
    """Lock fs.suid_dumpable, and restore it even if the test fails."""
    with support.Sysctl("fs/suid_dumpable") as sysctl:
        yield sysctl


@pytest.fixture(autouse=True)
def suid_dumpable_stays(request: pytest.FixtureRequest) -> Iterator[None]:
    """Keep other tests from changing fs.suid_dumpable, with which any program may be born."""
    if "suid_dumpable" in request.fixturenames:
        yield  # this test has it to itself
    else:
        with support.keep_suid_dumpable():
            yield
