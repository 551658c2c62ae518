"""The recipes of docs/deploy.md: what each starts leaks when plain, and not with the recipe.

A line of a test run says which: [plain] is the control, [hardened] the recipe.
"""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import signal
from pathlib import Path

import pytest

import images
import support
import systemd
from applications import BLOCKED, PROGRAMS, Application, find_by_inner_pid, find_descendants
from services import read_written, run_cron

kubernetes_validate = support.import_module("kubernetes_validate")
yaml = support.import_module("yaml")

DEPLOY = Path(__file__).resolve().parents[2] / "examples" / "deploy"
FILTERED = PROGRAMS.parent / "programs" / "filtered.py"

BOTH = pytest.mark.parametrize("hardened", [False, True], ids=["plain", "hardened"])


def expect(outcomes: dict[str, str], hardened: bool) -> None:
    """Fail unless a plain program leaked, and the kernel kept the attack out of a hardened one."""
    assert outcomes == (BLOCKED if hardened else {"process_vm_readv": "leaked", "mem": "leaked"})


def read_example(name: str) -> str:
    """Return the text of an example."""
    return (DEPLOY / name).read_text()


def install(application: Application, wheels: Path) -> Path:
    """Install the keeper and process-hardening into .venv in its home; returns the folder `bin`."""
    run_installer(application, wheels, "uv venv .venv && uv pip install keeper process-hardening")
    return application.home / ".venv" / "bin"


def run_installer(application: Application, wheels: Path, script: str, *words: str) -> str:
    """Run a script of the shell as the user, with the wheels in the place of an index."""
    environment = {
        "HOME": str(application.home),
        "PATH": f"{Path(support.find_tool('uv')).parent}:/usr/bin:/bin",
        "PIP_NO_INDEX": "1",
        "PIP_FIND_LINKS": str(wheels),
        "UV_OFFLINE": "1",
        "UV_NO_INDEX": "1",
        "UV_FIND_LINKS": str(wheels),
        "UV_PYTHON_DOWNLOADS": "never",
        "UV_PYTHON_PREFERENCE": "only-system",
    }
    result = support.run_as_user(
        ["sh", "-euc", script, "sh", *words], cwd=application.home, env=environment
    )
    assert result.returncode == 0, result.stdout + result.stderr
    return result.stdout


def find_wheels(wheels: Path) -> list[str]:
    """Return the wheels of the keeper and of process-hardening: neither is installed by name."""
    names = ("keeper-*.whl", "process_hardening-*.whl")
    return [str(wheel) for name in names for wheel in wheels.glob(name)]


def test_no_recipe_installs_a_package_of_somebody_else() -> None:
    """On PyPI, `keeper` is another project, and `process-hardening` is nobody's yet."""
    page = DEPLOY.parents[1] / "docs" / "deploy.md"
    for file in (page, *(path for path in DEPLOY.iterdir() if path.is_file())):
        for line in re.findall(
            r"^.*(?:pip|pipx|uv tool) install.*$", file.read_text(), re.MULTILINE
        ):
            assert not re.search(r"(?<![\w/])(keeper|process-hardening)(?![\w/-])", line), file


@BOTH
@pytest.mark.parametrize("name", ["uv-tool.sh", "pipx.sh"])
def test_an_installed_tool(name: str, hardened: bool, user_tmp: Path, wheels: Path) -> None:
    """The script of the recipe, and without its last line: the plain tool."""
    application = Application(user_tmp, DEPLOY / "keeper")
    script = read_example(name)
    if not hardened:
        script = script[: script.rindex("\n", 0, -1)]
    run_installer(application, wheels, script, "keeper", *find_wheels(wheels))
    command = application.home / ".local" / "bin" / "keeper"
    pid_file = application.home / "pid"
    with application.started([str(command), str(pid_file)], user=True) as process:
        pid = application.written(process, pid_file)
        assert pid == process.pid
        expect(application.scan(pid), hardened)


@pytest.mark.parametrize(
    ("name", "folder", "kept", "lost"),
    [
        (
            "uv-tool.sh",
            ".local/share/uv/tools",
            "uv tool upgrade keeper",
            "uv tool install --force ./keeper-*.whl",
        ),
        (
            "pipx.sh",
            ".local/share/pipx/venvs",
            "pipx upgrade keeper",
            "pipx reinstall keeper",
        ),
    ],
)
def test_an_upgrade_keeps_the_recipe_and_a_new_installation_does_not(
    name: str, folder: str, kept: str, lost: str, user_tmp: Path, wheels: Path
) -> None:
    """As docs/deploy.md says; its interpreter can be read again."""
    application = Application(user_tmp, DEPLOY / "keeper")
    run_installer(application, wheels, read_example(name), "keeper", *find_wheels(wheels))
    (python,) = application.home.glob(f"{folder}/keeper/bin/python3.*")
    run_installer(application, wheels, kept)
    assert python.stat().st_mode & 0o777 == 0o111
    for wheel in wheels.glob("keeper-*.whl"):
        shutil.copy(wheel, application.home)
    run_installer(application, wheels, lost)
    assert python.stat().st_mode & 0o444


@BOTH
def test_a_job_of_cron(hardened: bool, user_tmp: Path, wheels: Path) -> None:
    """The line of the crontab, when cron starts."""
    application = Application(user_tmp, DEPLOY / "keeper")
    folder = install(application, wheels)
    crontab = read_example("crontab")
    crontab = crontab.replace("/srv/keeper/token", str(application.secret))
    crontab = crontab.replace("/srv/keeper/bin", str(folder))
    crontab = crontab.replace("/srv/keeper", str(application.home))
    if not hardened:
        crontab = crontab.replace("/usr/local/bin/harden -- ", "")
    (user_tmp / "system").mkdir()
    pid_file = application.home / "pid"
    with run_cron(user_tmp / "system", crontab, "harden"):
        pid = int(read_written(pid_file))
        try:
            expect(application.scan(pid), hardened)
        finally:
            os.kill(pid, signal.SIGKILL)


@BOTH
def test_a_task_of_vs_code(hardened: bool, user_tmp: Path, wheels: Path) -> None:
    """Started as VS Code starts a task of the type `process`: without a shell."""
    application = Application(user_tmp, DEPLOY / "keeper")
    install(application, wheels)
    text = read_example("tasks.json").replace("${workspaceFolder}", str(application.home))
    (task,) = json.loads(text)["tasks"]
    assert task["type"] == "process"
    argv = [task["command"], *task["args"]]
    if not hardened:
        argv = argv[argv.index("--") + 1 :]
    shutil.copy(application.secret, task["options"]["env"]["SECRET_FILE"])
    with application.started(argv, user=True) as process:
        pid = application.written(process, application.home / "keeper.pid")
        assert pid == process.pid
        expect(application.scan(pid), hardened)


@BOTH
def test_a_pane_of_tmux(hardened: bool, user_tmp: Path, wheels: Path) -> None:
    """The server, which holds what the pane shows, the pane's shell, and a program in it.

    Any client gets what is on the screen, hardened or not.
    """
    application = Application(user_tmp, DEPLOY / "keeper")
    folder = install(application, wheels)
    configuration = user_tmp / "tmux.conf"
    configuration.write_text(read_example("tmux.conf") if hardened else "")
    tmux = [support.find_tool("tmux"), "-S", f"{application.home}/socket"]
    harden = [str(folder / "harden"), "--"] if hardened else []
    server = ["env", "SHELL=/bin/bash", *harden, *tmux, "-f", str(configuration), "-D"]
    pid_file = application.home / "pid"

    def ask(*words: str) -> str:
        """What the server answers to a client of the same user; nothing before it listens."""
        result = support.run_as_user([*tmux, "-N", *words], env=application.environment())
        return result.stdout if result.returncode == 0 else ""

    with application.started(server, user=True) as process:
        pane = application.until(process, lambda: ask("new-session", "-dPF", "#{pane_pid}"))
        ask("send-keys", "shown=$(cat $SECRET_FILE); echo $shown", "Enter")
        application.until(
            process, lambda: "1"[application.canary not in ask("capture-pane", "-p") :]
        )
        expect(application.scan(process.pid), hardened)
        expect(application.scan(pane), hardened)
        ask("send-keys", f"{folder}/keeper {pid_file}", "Enter")
        expect(application.scan(application.written(process, pid_file)), hardened)


@pytest.fixture
def image(hardened: bool, shared_folder: Path, wheels: Path) -> images.Image:
    """The image of the Dockerfile; plain: without launcher and execute-only interpreter."""
    support.require_root()
    image = images.read_image(DEPLOY / "Dockerfile", DEPLOY, wheels)
    image = image._replace(steps=images.install(image.steps, shared_folder, wheels))
    if hardened:
        return image
    steps = [step for step in image.steps if "hook enable --execute-only" not in step]
    return image._replace(steps=steps, argv=image.argv[image.argv.index("--") + 1 :])


def attack_image(image: images.Image, application: Application, hardened: bool) -> None:
    """Start an image, and attack what it starts as its own user."""
    argv = image.start(application.home.parent)
    with application.started(argv, user=False) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "built\n", application.log.read_text()
        pid_file = Path(f"/proc/{process.pid}/root/tmp/keeper.pid")
        pid = application.written(process, pid_file)
        assert pid == process.pid
        assert os.stat(f"/proc/{pid}").st_uid == support.USER
        expect(application.scan(pid), hardened)


@BOTH
def test_an_image(hardened: bool, image: images.Image, user_tmp: Path) -> None:
    """Built as the Dockerfile says and started with its entry point."""
    attack_image(image, Application(user_tmp, DEPLOY / "keeper"), hardened)


RUNTIME_DEFAULT = ("unshare=EPERM", "setns=EPERM", "fsopen=EPERM", "fsmount=EPERM")
"""What the launcher would use and the profile of a container runtime refuses."""


@BOTH
def test_a_pod(hardened: bool, image: images.Image, user_tmp: Path) -> None:
    """The image as its container is started: its arguments and user, what is refused to it."""
    application = Application(user_tmp, DEPLOY / "keeper")
    pod = yaml.safe_load(read_example("pod.yaml"))
    (container,) = pod["spec"]["containers"]
    assert "command" not in container
    entry = image.argv[: image.argv.index("--") + 1] if hardened else []
    filtered = str(shutil.copy(FILTERED, application.programs))
    argv = [
        *("setpriv", "--no-new-privs", "python3", filtered, *RUNTIME_DEFAULT, "--"),
        *(*entry, *container["args"]),
    ]
    context = pod["spec"]["securityContext"]
    user = (str(context["runAsUser"]), str(context["runAsGroup"]))
    attack_image(image._replace(argv=argv, user=user), application, hardened)


@pytest.mark.parametrize("version", ["1.29", "1.37"])
def test_the_pod_is_valid(version: str) -> None:
    """For the strict schema of an old and of a new Kubernetes."""
    pod = yaml.safe_load(read_example("pod.yaml"))
    kubernetes_validate.validate(pod, version, strict=True)
    pod["spec"]["containers"][0]["readOnly"] = True
    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate(pod, version, strict=True)


DROP_IN = "[Unit]\nDefaultDependencies=no\n"


@BOTH
def test_a_unit_of_systemd(
    hardened: bool, user_tmp: Path, shared_folder: Path, wheels: Path
) -> None:
    """Started by systemd itself, with its dynamic user and its credential."""
    support.require_root()
    application = Application(user_tmp, DEPLOY / "keeper")
    unit = read_example("keeper.service")
    made = re.findall(r"^#   (.+)$", unit, re.MULTILINE)
    if not hardened:
        unit = re.sub(r"/usr/local/bin/harden .*-- ", "", unit)
    (application.home / "keeper.service").write_text(unit)
    (application.home / "test.conf").write_text(DROP_IN)
    steps = [
        f"cp {shlex.join(find_wheels(wheels))} /mnt/image/",
        *(f"build / {shlex.quote(command)}" for command in made),
        "mkdir -p /mnt/image/etc/keeper /mnt/image/etc/systemd/system/keeper.service.d",
        f"cp {application.secret} /mnt/image/etc/keeper/token",
        "chmod 0600 /mnt/image/etc/keeper/token",
        f"cp {application.home}/keeper.service /mnt/image/etc/systemd/system/",
        f"cp {application.home}/test.conf /mnt/image/etc/systemd/system/keeper.service.d/",
    ]
    steps = images.install(steps, shared_folder, wheels)
    with systemd.make_cgroup(0) as groups:
        argv = systemd.boot(groups, "keeper.service", steps, user_tmp)
        with application.started(argv, user=False) as process:
            assert process.stdout is not None
            assert process.stdout.readline() == "built\n", application.log.read_text()
            first = find_descendants(process.pid)[0].pid
            inner = application.written(process, Path(f"/proc/{first}/root/run/keeper/pid"))
            pid = find_by_inner_pid(process, inner)
            user = os.stat(f"/proc/{pid}").st_uid
            assert user not in (0, support.USER)
            expect(application.scan(pid, user), hardened)


@pytest.mark.parametrize(
    "path", ["deploy/Dockerfile", "deploy/keeper.service", "frameworks/docker/launcher.Dockerfile"]
)
def test_roots_copy_of_the_launcher_comes_with_its_library(path: str) -> None:
    """Without it, what a start script executes would be exposed."""
    text = (DEPLOY.parent / path).read_text()
    assert "/bin/harden /usr/local/bin/harden" in text
    assert re.search(r"install -D .*/usr/local/lib/process-hardening", text, re.DOTALL)


def test_the_unit_is_valid(user_tmp: Path) -> None:
    """The program systemd-analyze finds nothing to say, once its paths exist."""
    unit = user_tmp / "keeper.service"
    unit.write_text(read_example("keeper.service").replace("/usr/local/bin/harden", "/bin/true"))
    result = support.run(
        [support.find_tool("systemd-analyze"), "verify", "--man=no", str(unit)],
        env={**os.environ, "SYSTEMD_LOG_LEVEL": "warning"},
    )
    assert (result.returncode, result.stderr) == (0, "")
