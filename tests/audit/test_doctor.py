"""What doctor tells people to type: made for the host, in order, and taken back again."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest

import support
from process_hardening.audit.core_dumps import core_rules_of
from process_hardening.audit.exit_race import VULNERABLE
from process_hardening.audit.host import HANDLER_MISSING, HANDLER_REPLACEABLE, Host, Swap
from process_hardening.audit.render.doctor import render_doctor, render_script
from process_hardening.audit.result import Diagnosis
from process_hardening.audit.rules.model import SEVERITIES, Finding, HostCase
from process_hardening.audit.rules.tables import judge_host
from process_hardening.terminal import count_cells
from zoo import COMMAND, in_mounts

SAFE: dict[str, Any] = {
    "name": "web-1",
    "kernel": "6.18.0",
    "core": core_rules_of("|/bin/false", False, (6, 18)),
    "suid_dumpable": 0,
    "ptrace_scope": 1,
    "perf_event_paranoid": 2,
    "user_namespaces": False,
    "memfd_noexec": 0,
    "randomize_va_space": 2,
    "preload_file": (),
    "swaps": (),
    "hidepid": "invisible",
    "exit_race": "fixed",
    "landlock": 6,
    "refuses_signals": True,
}


def core(pattern: str) -> dict[str, Any]:
    """The fields of a host with this kernel.core_pattern."""
    return {"core": core_rules_of(pattern, False, (6, 18))}


SYSTEMD = {**core("|/usr/lib/systemd/systemd-coredump %P"), "core_storage": "external"}
FLAWS: list[tuple[str, dict[str, Any], str, str]] = [
    # id, fields, a command, how it is taken back
    ("PH101", SYSTEMD, "mkdir -p /etc/systemd/coredump.conf.d", "rm -f /etc/systemd/coredump"),
    ("PH101", core("|/usr/share/apport/apport -p%p"), "systemctl disable --now apport.service",
     "systemctl enable --now apport.service"),
    ("PH102", {**core("|/opt/h"), "core_handler": HANDLER_REPLACEABLE}, "echo 'kernel.core_pattern",
     "sysctl -w 'kernel.core_pattern=|/opt/h'"),
    ("PH102", {**SYSTEMD, "core_handler": HANDLER_REPLACEABLE}, "sysctl -p /etc/sysctl.d/zzz-",
     "sysctl -w 'kernel.core_pattern=|/usr/lib/systemd"),
    ("PH102", {**core("|/opt/h"), "core_handler": HANDLER_MISSING},
     "sysctl -p /etc/sysctl.d/zzz-process-hardening-kernel.core_pattern.conf",
     "sysctl -w 'kernel.core_pattern=|/opt/h'"),
    ("PH103", core("@/run/s"), "echo 'kernel.core_pattern = |/bin/false' > /etc/sysctl.d/zzz-",
     "sysctl -w kernel.core_pattern=@/run/s"),
    ("PH104", core("core.%p"), "sysctl -p", "sysctl -w kernel.core_pattern=core.%p"),
    ("PH105", {"suid_dumpable": 1}, "echo 'fs.suid_dumpable = 0'", "sysctl -w fs.suid_dumpable=1"),
    ("PH106", {"suid_dumpable": 2}, "echo 'fs.suid_dumpable = 0'", "sysctl -w fs.suid_dumpable=2"),
    ("PH107", {"ptrace_scope": 0}, "echo 'kernel.yama.ptrace_scope = 1'",
     "sysctl -w kernel.yama.ptrace_scope=0"),
    ("PH108", {"perf_event_paranoid": -1}, "echo 'kernel.perf_event_paranoid = 2'",
     "sysctl -w kernel.perf_event_paranoid=-1"),
    ("PH109", {"user_namespaces": True, "namespace_setting": ("user.max_user_namespaces", 7)},
     "echo 'user.max_user_namespaces = 0'", "sysctl -w user.max_user_namespaces=7"),
    ("PH110", {"preload_file": ("/l.so",)}, "mv /etc/ld.so.preload /etc/ld.so.preload.off",
     "mv /etc/ld.so.preload.off /etc/ld.so.preload"),
    ("PH111", {"preload_file": ("/l.so",), "preload_writable": ("/a b.so",)},
     "namei -l '/a b.so'", "mv /etc/ld.so.preload.off /etc/ld.so.preload"),
    ("PH112", {"memfd_noexec": 2}, "echo 'vm.memfd_noexec = 1'", "sysctl -w vm.memfd_noexec=2"),
    ("PH113", {"swaps": (Swap(path="/dev/sda2", encrypted=False),)}, "swapoff /dev/sda2",
     "swapon /dev/sda2"),
    ("PH113", {"swaps": (Swap(path="/dev/sda2", encrypted=False),), "has_systemd": True},
     'systemctl mask "$(systemd-escape --path --suffix=swap /dev/sda2)"', "systemctl unmask"),
    ("PH114", {"exit_race": VULNERABLE}, "echo 'kernel.yama.ptrace_scope = 2'",
     "sysctl -w kernel.yama.ptrace_scope=1"),
    ("PH115", {"randomize_va_space": 0}, "echo 'kernel.randomize_va_space = 2'",
     "sysctl -w kernel.randomize_va_space=0"),
    ("PH116", {"root_like": (("docker", ("ann",)),)}, "gpasswd -d ann docker",
     "gpasswd -a ann docker"),
    ("PH116", {"capable_files": (("/usr/bin/x", ("CAP_SYS_PTRACE",)),)}, "setcap -r /usr/bin/x",
     ""),
    ("PH117", {"hidepid": ""}, "mount -o remount,hidepid=invisible /proc",
     "mount -o remount,hidepid=off /proc"),
]  # fmt: skip


def diagnose(**fields: Any) -> Diagnosis:
    """What doctor says of a host that is safe but for these fields."""
    host = Host(**{**SAFE, **fields})
    return Diagnosis(host=host, checks=judge_host(HostCase(host=host)))


def test_a_safe_host_has_nothing_to_fix() -> None:
    text = render_doctor(diagnose(), 80)
    assert text.startswith("No setting of this host helps an attacker; 13 are fine.")
    assert "# nothing to fix" in render_script(diagnose(), "info")


@pytest.mark.parametrize(
    ("found", "fields", "command", "back"), FLAWS, ids=[f"{flaw[0]}-{flaw[2]}" for flaw in FLAWS]
)
def test_a_flaw_has_one_block_with_the_commands_of_this_host(
    found: str, fields: dict[str, Any], command: str, back: str
) -> None:
    diagnosis = diagnose(**fields)
    (finding,) = [finding for finding in diagnosis.findings if finding.id == found]
    assert any(line.startswith(command) for line in finding.commands), finding.commands
    assert any(line.startswith(back) for line in finding.undo) if back else True
    assert finding.rule.breaks
    for line in (*finding.commands, *finding.undo):
        assert not re.search(r"\b[A-Z]{3,}\b", line), line
    text = render_doctor(diagnosis, 80)
    assert " ".join(text.split()).count(f"{found} {finding.severity}") == 1
    assert f"\n    {finding.commands[0]}\n" in text


def test_the_reason_is_one_sentence() -> None:
    for found, fields, *_ in FLAWS:
        (finding,) = [f for f in diagnose(**fields).findings if f.id == found]
        assert finding.rule.reason.endswith(".")
        assert ". " not in finding.rule.reason


def settings_named(findings: tuple[Finding, ...]) -> set[str]:
    """The kernel settings that the commands of findings change."""
    lines = [line for finding in findings for line in (*finding.commands, *finding.undo)]
    return set(re.findall(r"zzz-process-hardening-([\w.]+)\.conf", "\n".join(lines)))


@pytest.mark.parametrize(
    ("fields", "setting"),
    [
        ({"ptrace_scope": None}, "kernel.yama.ptrace_scope"),
        ({"ptrace_scope": None, "exit_race": VULNERABLE}, "kernel.yama.ptrace_scope"),
        ({"user_namespaces": True, "namespace_setting": None}, "user.max_user_namespaces"),
    ],
    ids=str,
)
def test_no_command_sets_what_this_kernel_has_not(fields: dict[str, Any], setting: str) -> None:
    diagnosis = diagnose(**fields)
    assert diagnosis.findings
    assert setting not in settings_named(diagnosis.findings)
    assert "sysctl" not in render_doctor(diagnosis)


@pytest.mark.parametrize(
    ("fields", "wanted"),
    [
        ({"ptrace_scope": None}, "with yama in its lsm= list"),
        ({"ptrace_scope": None, "security_modules": ("capability", "landlock", "bpf")},
         "lsm=landlock,bpf,yama"),
        ({"landlock": 0, "refuses_signals": False, "security_modules": ("capability", "yama")},
         "lsm=yama,landlock"),
        ({"landlock": 4, "refuses_signals": False}, "Boot Linux 6.12 or later"),
    ],
    ids=str,
)  # fmt: skip
def test_what_only_another_kernel_fixes_has_words_instead_of_commands(
    fields: dict[str, Any], wanted: str
) -> None:
    """Written for this host: its security modules, with the missing one."""
    diagnosis = diagnose(**fields)
    (finding,) = diagnosis.findings
    assert (finding.commands, finding.undo) == ((), ())
    assert wanted in finding.fix
    assert wanted in " ".join(render_doctor(diagnosis, 80).split())
    assert f"    # no command fixes it: {finding.fix}" in render_script(diagnosis, "info")


def test_this_kernel_has_every_setting_that_doctor_would_change_here() -> None:
    done = support.run([COMMAND, "doctor", "--script", "info"])
    assert done.returncode in (0, 1, 3)
    for name in set(re.findall(r"sysctl -w '?([\w.]+)=", done.stdout)):
        assert Path("/proc/sys", name.replace(".", "/")).exists()


def test_two_findings_about_one_setting_want_the_same_of_it() -> None:
    """The later command would undo the earlier."""
    script = render_script(diagnose(ptrace_scope=0, exit_race=VULNERABLE), "info")
    assert script.count("kernel.yama.ptrace_scope = 2") == 1
    assert "kernel.yama.ptrace_scope = 1" not in script


def test_in_a_container_the_commands_belong_on_its_host() -> None:
    diagnosis = diagnose(suid_dumpable=1, is_container=True)
    assert "as root on the host of this container" in render_doctor(diagnosis)
    assert "run this on its host" in render_script(diagnosis, "high")


def test_the_width_is_kept_but_for_commands() -> None:
    for _, fields, *_ in FLAWS:
        for line in render_doctor(diagnose(**fields), 60).splitlines():
            assert count_cells(line) <= 60 or line.startswith("    "), line


# A host with every flaw that no other excludes.
WORST: dict[str, Any] = {}
for _, _fields, *_ in reversed(FLAWS):
    WORST |= _fields


@pytest.mark.parametrize("severity", SEVERITIES)
def test_the_script_is_clean(severity: str, tmp_path: Path) -> None:
    """The shell and shellcheck take it, on every host of this file."""
    for number, fields in enumerate([WORST, *(flaw[1] for flaw in FLAWS)]):
        path = tmp_path / f"{number}.sh"
        path.write_text(render_script(diagnose(**fields), severity) + "\n")
    paths = [str(path) for path in tmp_path.iterdir()]
    for name in paths:
        subprocess.run(["sh", "-n", name], check=True)
    done = support.run([support.find_tool("shellcheck"), "--shell=sh", *paths])
    assert done.returncode == 0, done.stdout


def test_the_script_has_the_severity_that_was_asked_for() -> None:
    script = render_script(diagnose(**WORST), "high")
    assert "PH105" in script
    assert "PH108" not in script
    assert "PH108" in render_script(diagnose(**WORST), "low")


def test_what_a_person_has_to_decide_is_a_comment() -> None:
    script = render_script(diagnose(**WORST), "info")
    for line in script.splitlines():
        if re.search(r"gpasswd|setcap|ld\.so\.preload\.off|swapoff", line):
            assert line.startswith("    #"), line


FAKE = r"""printf '#!/bin/sh\necho "%s $*" >> /run/calls\n' $name > /opt/$name"""
PREPARE = (
    "for folder in /etc/sysctl.d /run /opt; do mkdir -p $folder; mount -t tmpfs none $folder; done"
    " && : > /run/fstab && : >> /etc/fstab && mount --bind /run/fstab /etc/fstab"
    f" && for name in sysctl systemctl mount; do {FAKE}; chmod +x /opt/$name; done"
)
"""Hides the settings of this machine, and puts programs that only tell of their calls in /opt."""


def test_the_script_applies_its_fixes_and_takes_them_back(tmp_path: Path) -> None:
    """In a mount namespace of its own, with files that are not this machine's."""
    path = tmp_path / "fixes.sh"
    fields = {"suid_dumpable": 1, "perf_event_paranoid": 0, **core("core")}
    path.write_text(render_script(diagnose(**fields), "info") + "\n")
    show = (
        f"PATH=/opt:$PATH; sh {path}; cat /etc/sysctl.d/zzz-* /run/calls; rm /run/calls; echo ---;"
        f" sh {path} undo; ls /etc/sysctl.d; cat /run/calls"
    )
    done = support.run([*in_mounts(PREPARE, as_user=False), "sh", "-ec", show])
    assert done.returncode == 0, done.stdout + done.stderr
    applied, _, undone = done.stdout.partition("---\n")
    assert "fs.suid_dumpable = 0" in applied
    assert "kernel.core_pattern = |/bin/false" in applied
    assert (
        "sysctl -p /etc/sysctl.d/zzz-process-hardening-kernel.perf_event_paranoid.conf" in applied
    )
    assert undone.splitlines() == [
        "sysctl -w kernel.perf_event_paranoid=0",
        "sysctl -w kernel.core_pattern=core",
        "sysctl -w fs.suid_dumpable=1",
    ]


HIDE = {
    "a directory": (
        "mount -t tmpfs -o mode=700 none /usr/local/sbin",
        "who reads others' memory",
        "/usr/local/sbin",
    ),
    "what is in a directory": (
        "mount -t tmpfs -o mode=744 none /usr/local/sbin && : > /usr/local/sbin/x",
        "who reads others' memory",
        "/usr/local/sbin",
    ),
    "a file": (
        ": > /run/group && mount --bind /run/group /etc/group && chmod 600 /etc/group",
        "who reads others' memory",
        "/etc/group",
    ),
    "settings of core dumps": (
        "mount -t tmpfs -o mode=700 none /etc/security",
        "core dumps",
        "/etc/security/limits.d, /etc/security/limits.conf",
    ),
}


@pytest.mark.parametrize("what", HIDE)
def test_what_cannot_be_read_is_unknown_and_the_rest_is_told(
    what: str, core_pattern: support.Sysctl
) -> None:
    """In the output, in JSON, and as status 3."""
    hide, topic, paths = HIDE[what]
    core_pattern.set("core")
    prefix = in_mounts(f"mount -t tmpfs none /run && {hide}")
    done = support.run([*prefix, COMMAND, "doctor", "--json", "--fail-on", "never"])
    assert (done.returncode, done.stderr) == (3, "")
    checks = json.loads(done.stdout)["checks"]
    found = {check["topic"]: check for check in checks}
    assert found[topic]["state"] == "unknown"
    assert found[topic]["told"].endswith(f"cannot read {paths}")
    assert found["/etc/ld.so.preload"]["state"] != "unknown"


OWN_ETC = "cp -a /etc /run/etc && mount --bind /run/etc /etc"
"""Makes a copy of /etc whose files can be replaced."""
ROOT = "UUID=aa / ext4 defaults 0 1"
HIDEPID = "proc /proc proc hidepid=invisible 0 0"
MARK = "# added by process-hardening doctor:"
NEW = "# /etc/fstab was created by process-hardening doctor\n"
CHANGED = r"\( -name 'fstab*' -o -path './sysctl.d*' -o -path './systemd/coredump*' \)"
LIST = (
    f"cd /etc && {{ find . {CHANGED} -exec stat -c '%n %F %N %a' {{}} +;"
    f" find . {CHANGED} -type f -exec sha256sum {{}} +; }} | sort > /run/"
)
"""Lists the files that the script may change, with their kinds, links and contents."""


def in_own_etc(script: str) -> subprocess.CompletedProcess[str]:
    """Run a script in a mount namespace of its own, with a copy of /etc."""
    prepare = PREPARE.partition(" && : > /run/fstab")[0]
    fakes = PREPARE[PREPARE.index(" && for name") :]
    namespace = in_mounts(f"{prepare} && {OWN_ETC}{fakes}", as_user=False)
    return support.run([*namespace, "sh", "-ec", f"PATH=/opt:$PATH; {script}"])


def write_script(path: Path, **fields: Any) -> Path:
    """Write the script that fixes a host that is safe but for these fields."""
    path.write_text(render_script(diagnose(**fields), "info") + "\n")
    return path


@pytest.mark.parametrize(
    "fstab",
    [ROOT, f"{ROOT}\n", "", "# hidepid=invisible is for later\n", f"# a\n{ROOT}\n\n", None],
    ids=repr,
)
def test_no_fix_damages_fstab(fstab: str | None, tmp_path: Path) -> None:
    """Its last line may lack the newline."""
    script = write_script(tmp_path / "fixes.sh", hidepid="")
    path, before = tmp_path / "fstab", tmp_path / "before"
    before.write_text(fstab or "")
    setup = "rm /etc/fstab" if fstab is None else f"cat {before} > /etc/fstab"
    done = in_own_etc(f"{setup}; sh {script}; sh {script}; cat /etc/fstab > {path}")
    assert done.returncode == 0, done.stdout + done.stderr
    new = NEW if fstab is None else ""
    assert path.read_text() == f"{new}{MARK}\n{HIDEPID}\n{fstab or ''}"


WRITE_OWN = "printf '# ticket 4711\\nfs.suid_dumpable = 2\\n' > /etc/sysctl.d/"
OWN_FILES = {
    "nothing": ":",
    "a file for the same setting": f"{WRITE_OWN}zz-fs.suid_dumpable.conf",
    "linked fstab": "mv /etc/fstab /etc/fstab.managed; ln -s fstab.managed /etc/fstab",
    "a link that leads nowhere": "ln -sf fstab.missing /etc/fstab",
    "no fstab": "rm -f /etc/fstab",
    "an empty fstab": ": > /etc/fstab",
    "the same line": f"printf '{ROOT}\\n{HIDEPID}\\n' > /etc/fstab",
    "the same line, alone": f"echo '{HIDEPID}' > /etc/fstab",
    "our mark before another line": f"printf '{MARK}\\n{ROOT}\\n' > /etc/fstab",
    "our mark at the end": f"printf '{ROOT}\\n{MARK}' > /etc/fstab",
    "no newline": f"printf '{ROOT}' > /etc/fstab",
}


@pytest.mark.parametrize("runs", [1, 2])
@pytest.mark.parametrize("case", OWN_FILES)
def test_undoing_the_script_restores_every_file(case: str, runs: int, tmp_path: Path) -> None:
    """With the same kinds, links and bytes; the control: the script did change something."""
    fields = {"hidepid": "", "suid_dumpable": 1, **SYSTEMD}
    script = write_script(tmp_path / "fixes.sh", **fields)
    show = f"rm -rf /etc/systemd/coredump.conf.d; printf '{ROOT}\\n' > /etc/fstab"
    show += f"; {OWN_FILES[case]}; mkdir -p /etc/systemd; {LIST}before; {f'sh {script}; ' * runs}"
    show += f"{LIST}during; sh {script} undo; {LIST}after; cd /run; diff before after >&2"
    show += "; ! cmp -s before during"
    done = in_own_etc(show)
    assert done.returncode == 0, done.stderr


def test_swap_in_fstab_is_commented_out_and_back(tmp_path: Path) -> None:
    """Behind a link, and without a file that the administrator may have."""
    swap = Swap(path="/dev/sda2", encrypted=False)
    (finding,) = diagnose(swaps=(swap,)).findings
    apply, undo = ("; ".join(lines[:-1]) for lines in (finding.commands, finding.undo))
    fstab = f"{ROOT}\n/dev/sda2 none swap sw 0 0\n# /dev/sda3 none swap sw 0 0\n"
    (tmp_path / "fstab").write_text(fstab)
    show = (
        f"cat {tmp_path}/fstab > /etc/managed; ln -sf managed /etc/fstab"
        f"; echo mine > /etc/fstab.before; {LIST}before; {apply}; grep -c '^#' /etc/fstab"
        f"; {undo}; {LIST}after; cmp /run/before /run/after; cmp /etc/managed {tmp_path}/fstab"
    )
    done = in_own_etc(show)
    assert (done.returncode, done.stdout) == (0, "2\n"), done.stderr


def test_no_command_makes_root_own_or_change_what_others_can_replace() -> None:
    """Whoever can write to a file may have changed it, and may put a link in its place."""
    for _, fields, *_ in FLAWS:
        for finding in diagnose(**fields).findings:
            for line in (*finding.commands, *finding.undo, *finding.rule.commands):
                assert not re.search(r"\b(chown|chmod|setfacl|cp|install)\b", line), line


def test_the_script_refuses_other_users_and_other_words(tmp_path: Path) -> None:
    tmp_path.chmod(0o755)
    path = tmp_path / "fixes.sh"
    path.write_text(render_script(diagnose(), "info") + "\n")
    path.chmod(0o644)
    text = path.read_text()
    done = support.run_as_user(["sh", "-c", text])
    assert (done.returncode, done.stderr) == (1, "run this as root\n")
    support.require_root()
    done = support.run(["sh", str(path), "surprise"])
    assert done.returncode == 2
    assert "usage" in done.stderr


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--script", "terrible"], "invalid choice"),
        (["--script", "--json"], "not both"),
        (["--unknown"], "unrecognized"),
    ],
    ids=str,
)
def test_what_is_wrong_is_one_line(arguments: list[str], said: str) -> None:
    done = support.run([COMMAND, "doctor", *arguments])
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.count("\n") == 1
    assert said in done.stderr


def test_doctor_changes_nothing() -> None:
    """Whatever it prints: the folder of settings is what it was."""
    before = sorted(Path("/etc/sysctl.d").iterdir()) if Path("/etc/sysctl.d").exists() else []
    support.run([COMMAND, "doctor", "--script", "info"])
    assert sorted(Path("/etc/sysctl.d").iterdir()) == before or before == []
