"""A worker of every framework gives its secret away when plain, and not with our recipe.

The recipes are those of docs/frameworks.md.
"""

from __future__ import annotations

import configparser
import json
import os
import re
import shlex
import signal
import sys
import sysconfig
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path
from subprocess import Popen
from typing import NamedTuple

import pytest

import support
from applications import BLOCKED, EXAMPLES, Application, find_by_inner_pid, find_descendants
from environments import Venv
from images import WHEELS, collect_wheels, install, read_image
from keyrings import run_keyring
from process_hardening.pytest_plugin import assert_hardened
from systemd import boot, make_cgroup

DOCUMENT = Path(__file__).resolve().parents[2] / "docs" / "frameworks.md"
HARDEN = "harden --children -- "
SERVERS = ("gunicorn", "uvicorn", "celery")
BYPASS = "env CODEX_SKIP_HARDENING=1 "
# What a container gets by default (Docker Engine: "Runtime privilege and Linux capabilities").
CONTAINER_CAPABILITIES = (
    "-all,+chown,+dac_override,+fowner,+fsetid,+kill,+setgid,+setuid,+setpcap,+net_bind_service"
    ",+net_raw,+sys_chroot,+mknod,+audit_write,+setfcap"
)
printed, requested = Application.printed, Application.requested


def worked(application: Application, _process: Popen[str]) -> int:
    """The pid of the worker that does a task."""
    options = {"env": application.environment(), "cwd": application.home}
    result = support.run_as_user(
        [sys.executable, str(application.programs / "ask_worker.py")], **options
    )
    assert result.returncode == 0, result.stderr
    return int(result.stdout)


def written(application: Application, process: Popen[str], name: str = "pid") -> int:
    """The pid in a file, which the plugin pause.py writes, or gunicorn."""
    return application.written(process, application.home / name)


def run_nothing(_application: Application) -> AbstractContextManager[None]:
    """Most frameworks need nothing beside them."""
    return nullcontext()


class Case(NamedTuple):
    """A framework and how it starts its workers.

    name -- its row in the document
    example -- its folder of examples/frameworks
    plain, recipe -- how it is started without us, and with
    worker -- gives the pid of a worker that holds the secret
    user -- runs as the unprivileged user, not as root
    beside -- runs what the framework needs beside it
    """

    name: str
    example: str
    plain: str
    recipe: str
    worker: Callable[[Application, Popen[str]], int]
    user: bool = True
    beside: Callable[[Application], AbstractContextManager[None]] = run_nothing


def born(name: str, example: str, plain: str, worker: Callable[..., int]) -> Case:
    """A framework whose recipe is to start it through `harden`."""
    return Case(name, example, plain, HARDEN + plain, worker)


def itself(
    name: str,
    example: str,
    recipe: str,
    worker: Callable[..., int],
    beside: Callable[[Application], AbstractContextManager[None]] = run_nothing,
) -> Case:
    """A program that hardens itself and its workers by a statement of its own."""
    return Case(name, example, BYPASS + recipe, recipe, worker, beside=beside)


@contextmanager
def write_env_file(application: Application) -> Iterator[None]:
    """The secret in a .env file."""
    (application.home / ".env").write_text(f"API_KEY={application.canary}\n")
    yield


def systemd() -> Case:
    """The ExecStart of the unit."""
    unit = configparser.ConfigParser(interpolation=None)
    unit.optionxform = str  # type: ignore[assignment,method-assign]  # systemd.syntax(7): case counts
    unit.read(EXAMPLES / "systemd" / "app.service")
    recipe = unit["Service"]["ExecStart"].replace("/srv/app/.venv/bin/", "")
    assert unit["Service"]["LimitCORE"] == "0"
    return Case("systemd unit", "gunicorn", recipe.partition(" -- ")[2], recipe, requested)


def docker() -> Case:
    """The entry point of the image, as root without the capability to trace."""
    text = (EXAMPLES / "docker" / "Dockerfile").read_text()
    entry, command = (
        shlex.join(json.loads(re.findall(rf"^{word} (\[.*\])$", text, re.MULTILINE)[0]))
        for word in ("ENTRYPOINT", "CMD")
    )
    name, recipe = "Docker entry point", f"{entry} {command}"
    return Case(name, "gunicorn", command, recipe, requested, user=False)


CASES = [
    itself("Typer", "typer", "python sign.py", printed),
    itself("click", "click", "python sign.py", printed),
    born("FastAPI, uvicorn", "fastapi", "uvicorn app:app", requested),
    born("FastAPI, uvicorn --workers", "fastapi", "uvicorn --workers 2 app:app", requested),
    itself("FastAPI, its own main()", "fastapi", "python serve.py", requested),
    itself("Django, manage.py runserver", "django", "python manage.py runserver 8000", requested),
    born("Django, gunicorn", "django", "gunicorn wsgi", requested),
    itself("aiohttp", "aiohttp", "python app.py", requested),
    born(
        "aiohttp, gunicorn",
        "aiohttp",
        "gunicorn --worker-class aiohttp.GunicornWebWorker app:create_app",
        requested,
    ),
    born("gunicorn, sync", "gunicorn", "gunicorn app:app", requested),
    born("gunicorn, gthread", "gunicorn", "gunicorn --threads 2 app:app", requested),
    born("uvicorn --workers", "uvicorn", "uvicorn --workers 2 app:app", requested),
    born("celery, prefork", "celery", "celery -A tasks worker --concurrency 1", worked),
    born(
        "celery, spawn",
        "celery",
        "celery -A tasks worker --concurrency 1 --pool-start-method spawn",
        worked,
    ),
    *(
        itself(f"multiprocessing, {method}", "multiprocessing", f"python pool.py {method}", printed)
        for method in ("fork", "spawn", *(["forkserver"] if sys.version_info >= (3, 14) else []))
    ),
    *(
        itself(f"supervisor, {method}", "supervisor", f"python supervisor.py {method}", printed)
        for method in ("fork", "exec")
    ),
    itself("LangChain", "langchain", "sh -c 'exec python agent.py 3<$SECRET_FILE'", printed),
    Case(
        "MCP server",
        "mcp",
        "python ../programs/mcp_client.py plain",
        "python ../programs/mcp_client.py hardened",
        printed,
    ),
    itself("python-dotenv", "dotenv", "python app.py", printed, write_env_file),
    Case(
        "keyring",
        "keyring",
        "python ../programs/fetch_password.py",
        "python sign.py",
        printed,
        beside=run_keyring,
    ),
    systemd(),
    docker(),
    Case(
        "Jupyter kernel",
        "jupyter",
        "python ../programs/notebook.py python3",
        "python ../programs/notebook.py hardened",
        printed,
    ),
    itself("pytest", "pytest", "pytest", written),
    itself("pytest-xdist", "pytest", "pytest -n 1", written),
]
STARTED_BY_A_CLIENT = ("jupyter", "mcp")
"""Examples whose command line here is a client of the test's, which is not hardened."""
ELSEWHERE = ("Textual",)
"""Rows with a test of their own: tests/tui/test_terminal.py."""


def words(case: Case, line: str, application: Application) -> list[str]:
    """A command line, to be started as the case says, at a port of the test's."""
    argv = shlex.split(line.replace(" 8000", f" {application.port}"))
    return argv if case.user else as_container(argv)


def as_container(argv: list[str]) -> list[str]:
    """How root starts a program with no more than a container's capabilities."""
    support.require_root()
    bounds = f"--bounding-set={CONTAINER_CAPABILITIES}"
    return [support.find_tool("setpriv"), bounds, "--inh-caps=-all", *argv]


def attack(case: Case, application: Application, pid: int) -> dict[str, str]:
    """What each way to read memory gives to another process of the same user."""
    if case.user:
        return application.scan(pid)
    scan = [sys.executable, str(application.programs / "scan.py"), str(pid), application.canary]
    result = support.run(as_container(scan))
    assert result.returncode == 0, result.stderr
    outcomes: dict[str, str] = json.loads(result.stdout)
    return outcomes


def wait_until_hardened(pid: int) -> None:
    """A worker that was executed is hardened a moment later.

    Its user says so: root does not know of a program that started itself again.
    """
    status = [support.find_tool("process-hardening"), "status", str(pid)]
    deadline = time.monotonic() + support.TIMEOUT
    uid = os.stat(f"/proc/{pid}").st_uid
    options = {"user": uid, "group": uid, "extra_groups": []} if os.getuid() == 0 else {}
    while (result := support.run(status, **options)).returncode:
        assert time.monotonic() < deadline, result.stdout + result.stderr
        time.sleep(0.05)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_a_worker_keeps_its_secret(case: Case, user_tmp: Path) -> None:
    """The attack reads the canary of a plain worker, and is refused by the kernel with the recipe.

    Every other process that the recipe has started is hardened as well.
    """
    (user_tmp / "plain").mkdir()
    plain = Application(user_tmp / "plain", case.example)
    argv = words(case, case.plain, plain)
    with case.beside(plain), plain.started(argv, user=case.user) as process:
        outcomes = attack(case, plain, case.worker(plain, process))
        assert set(outcomes.values()) == {"leaked"}, f"inconclusive: {outcomes}"

    (user_tmp / "hardened").mkdir()
    hardened = Application(user_tmp / "hardened", case.example)
    argv = words(case, case.recipe, hardened)
    with case.beside(hardened), hardened.started(argv, user=case.user) as process:
        worker = case.worker(hardened, process)
        assert attack(case, hardened, worker) == BLOCKED
        started = [one.pid for one in find_descendants(process.pid)]
        started += [] if case.example in STARTED_BY_A_CLIENT else [process.pid]
        for pid in started:
            wait_until_hardened(pid)


@pytest.mark.parametrize(
    "case", [case for case in CASES if case.name.startswith(SERVERS)], ids=lambda case: case.name
)
def test_an_execute_only_interpreter_is_enough(case: Case, user_tmp: Path) -> None:
    """The plain command line in such an environment, even without the hook.

    Root's, for a service of another user, as in examples/frameworks.
    """
    os.chown(user_tmp, os.getuid(), os.getgid())  # hook takes no folder that others can change
    venv = Venv(user_tmp / "venv", root=os.getuid() == 0)
    assert venv.call("enable --execute-only").returncode == 0
    venv.hook.unlink()
    (venv.site_packages / "frameworks.pth").write_text(sysconfig.get_path("purelib"))
    (user_tmp / "application").mkdir()
    application = Application(user_tmp / "application", case.example)
    argv = [venv.python, "-m", *shlex.split(case.plain)]
    with application.started(argv, user=True) as process:
        worker = case.worker(application, process)
        assert application.scan(worker) == BLOCKED
        started = [process.pid, *(one.pid for one in find_descendants(process.pid))]
        assert [support.read_dumpable(pid) for pid in started] == [0] * len(started)


def test_an_upgraded_gunicorn_stays_hardened(user_tmp: Path) -> None:
    """The arbiter that SIGUSR2 starts is a new program, and so are its workers."""
    application = Application(user_tmp, "gunicorn")
    argv = shlex.split(f"{HARDEN}gunicorn --pid gunicorn.pid app:app")
    with application.started(argv, user=True) as process:
        requested(application, process)
        process.send_signal(signal.SIGUSR2)
        upgraded = written(application, process, "gunicorn.pid.2")
        assert upgraded != process.pid
        for one in (upgraded, *find_descendants(upgraded)):
            assert_hardened(one, within=support.TIMEOUT)


def read_rows() -> dict[str, str]:
    """The table of the document: what it says to add for each framework, by its name."""
    row = r"^\| ([^|]+) \| ([^|]+) \| leaked \| blocked \|$"
    rows = re.findall(row, DOCUMENT.read_text(), re.MULTILINE)
    return {re.sub(r"\[(.+?)\]\(.+?\)", r"\1", name): recipe for name, recipe in rows}


def test_the_document_shows_what_is_tested() -> None:
    """Its table has a row for each case, with the command line that was tested, and no other."""
    rows = read_rows()
    assert [name for name in rows if name not in ELSEWHERE] == [case.name for case in CASES]
    for case in CASES:
        if case.recipe.startswith(HARDEN):
            assert rows[case.name] == f"`{case.recipe}`"
    server = json.loads((EXAMPLES / "mcp" / "mcp.json").read_text())["mcpServers"]["shell"]
    assert rows["MCP server"] == f"`{shlex.join([server['command'], *server['args']])}`"


def test_the_statement_of_a_row_is_in_its_example() -> None:
    """As the first of main(), or of the module."""
    rows = read_rows()
    for case in CASES:
        for statement in re.findall(r"`(ph\..+?)`", rows[case.name]):
            sources = [path.read_text() for path in (EXAMPLES / case.example).glob("*.py")]
            assert any(f"\n    {statement}\n" in text for text in sources), case.name


def install_gunicorn(steps: list[str], folder: Path) -> list[str]:
    """Return what is left of the steps that build an image with gunicorn."""
    wheels = support.make_once(
        folder / "gunicorn", lambda wheels: collect_wheels(wheels, "gunicorn", "packaging")
    )
    return install(steps, folder, wheels)


@pytest.mark.parametrize("name", ["execute-only", "launcher"])
def test_an_image_keeps_the_secrets_of_its_service(
    name: str, user_tmp: Path, shared_folder: Path
) -> None:
    """Built as its Dockerfile says, run as the user that it names: no process leaks."""
    support.require_root()
    application = Application(user_tmp, "gunicorn")
    image = read_image(EXAMPLES / "docker" / f"{name}.Dockerfile", EXAMPLES / "gunicorn")
    image = image._replace(steps=install_gunicorn(image.steps, shared_folder))
    with application.started(image.start(user_tmp), user=False) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "built\n", application.log.read_text()
        worker = requested(application, process)
        started = [process.pid, *(one.pid for one in find_descendants(process.pid))]
        assert worker in started
        for pid in started:
            assert os.stat(f"/proc/{pid}").st_uid == support.USER
            assert support.read_dumpable(pid) == 0
            assert_hardened(pid, within=support.TIMEOUT)  # as root sees it from outside
        assert application.scan(worker) == BLOCKED


DROP_IN = """
[Unit]
DefaultDependencies=no
[Service]
RuntimeDirectory=app
Environment="GUNICORN_CMD_ARGS=--bind unix:/run/app/socket --no-control-socket"
"""


def build_steps(unit: str, application: Application) -> list[str]:
    """How the comments of a unit, or docs/frameworks.md, make its environment."""
    made = re.findall(r"^#   (.+)$", unit, re.MULTILINE) or [
        "python3 -m venv /srv/app/.venv",
        "/srv/app/.venv/bin/pip install gunicorn ./process_hardening-*.whl",
    ]
    return [
        f"cp {WHEELS}/process_hardening-*.whl /mnt/image/",
        *(f"build / {shlex.quote(command)}" for command in made),
        "mkdir -p /mnt/image/etc/app /mnt/image/etc/systemd/system/app.service.d",
        f"cp {application.home}/app.py /mnt/image/srv/app/",
        f"cp {application.secret} /mnt/image/etc/app/secret",
        f"cp {application.home}/app.service /mnt/image/etc/systemd/system/",
        f"cp {application.home}/test.conf /mnt/image/etc/systemd/system/app.service.d/",
    ]


@pytest.mark.parametrize(
    ("name", "hook", "expected"),
    [
        ("execute-only", "#   /srv/app/.venv/bin/process-hardening hook.*\n", "leaked"),
        ("execute-only", "", "blocked"),
        ("app", "", "blocked"),
    ],
)
def test_a_service_of_systemd_keeps_its_secrets(
    name: str, hook: str, expected: str, user_tmp: Path, shared_folder: Path
) -> None:
    """Started by systemd itself, with its dynamic user and credential; first without the hook."""
    support.require_root()
    application = Application(user_tmp, "gunicorn")
    unit = (EXAMPLES / "systemd" / f"{name}.service").read_text()
    unit = re.sub(hook, "", unit) if hook else unit
    (application.home / "app.service").write_text(unit)
    (application.home / "test.conf").write_text(DROP_IN)
    steps = install_gunicorn(build_steps(unit, application), shared_folder)
    with make_cgroup(0) as groups:
        argv = boot(groups, "app.service", steps, user_tmp)
        with application.started(argv, user=False) as process:
            assert process.stdout is not None
            assert process.stdout.readline() == "built\n", application.log.read_text()
            first = find_descendants(process.pid)[0].pid
            link = application.home / "socket"
            link.symlink_to(f"/proc/{first}/root/run/app/socket")
            worker = find_by_inner_pid(process, requested(application, process))
            user = os.stat(f"/proc/{worker}").st_uid
            assert user not in (0, support.USER)
            outcomes = application.scan(worker, user)
    if expected == "leaked":
        assert set(outcomes.values()) == {"leaked"}
    else:
        assert outcomes == BLOCKED


@pytest.mark.parametrize("name", ["app.service", "execute-only.service"])
def test_the_unit_is_valid(name: str, user_tmp: Path) -> None:
    """The program systemd-analyze finds nothing to say, once its paths exist."""
    unit = user_tmp / "app.service"
    text = (EXAMPLES / "systemd" / name).read_text()
    unit.write_text(text.replace("/srv/app/.venv/bin", str(Path(sys.executable).parent)))
    result = support.run(
        [support.find_tool("systemd-analyze"), "verify", "--man=no", str(unit)],
        env={**os.environ, "SYSTEMD_LOG_LEVEL": "warning"},
    )
    assert (result.returncode, result.stderr) == (0, "")
