"""The first screen: short, worst first, in columns, and what is left out of it."""

from __future__ import annotations

import re
from typing import Any

import pytest

from machines import audit_of, crowded, hardened, process
from process_hardening.audit.posture import Posture
from process_hardening.audit.render.headline import summarise_hosts
from process_hardening.audit.render.json import audit_as_dict
from process_hardening.audit.render.screen import render_comparison, render_screen
from process_hardening.audit.render.text import render_audit
from process_hardening.audit.rules.model import HIGH, LOW
from process_hardening.audit.saved import compare, read_saved
from process_hardening.terminal import count_cells, fold, pad, printable, shorten


def test_a_hardened_runtime_that_shows_its_memory_comes_first_with_what_closes_it() -> None:
    """It is neither called hardened nor said to have lost anything."""
    lines = render_screen(audit_of(hardened(7, "node a.js", opens_itself="Node.js"))).splitlines()
    assert lines[0] == "1 program is hardened, but its runtime discloses its memory."
    assert "    cd / && harden -- node --inspect-port=192.0.2.1:9229 a.js" in lines


def test_another_version_of_our_library_is_not_called_an_injection() -> None:
    """In the headline, in the group and in the finding."""
    one = process(7, "app", injected_libraries=("/opt/libprocess_hardening.so",))
    text = render_screen(audit_of(one)) + render_audit(audit_of(one))
    headline = "1 program runs another version of process-hardening, or a library with its name."
    assert text.startswith(headline)
    assert "PH019" in text
    assert "PH008" not in text
    assert "traced" not in text


@pytest.mark.parametrize(
    ("fail_on", "cause"),
    [
        (HIGH, "PH001 x2, PH005 x1: process-hardening explain PH001"),
        (LOW, "PH001 x2, PH005 x1, PH004 x1: process-hardening explain PH001"),
    ],
)
def test_the_last_line_names_the_findings_that_make_the_status_1(fail_on: str, cause: str) -> None:
    """Of both reports, even if no secret was found. Without --fail-on, nothing does."""
    audit = audit_of(process(7, "app", tracer_pid=9), process(8, "app", core_limit=(0, 9)))
    for render in (render_screen, render_audit):
        shown = render(audit, 200, False, fail_on).splitlines()
        assert shown[-1] == f"Exits with 1 because of {cause}"
        assert "Exits" not in render(audit, 200)
        assert "Exits" not in render(audit_of(hardened(7, "app")), 200, False, fail_on)


def test_a_chosen_process_does_not_speak_for_the_others() -> None:
    """The headline says so, and how to ask about all."""
    chosen = audit_of(hardened(7, "gunicorn")).replace(scope=("--name gunicorn",))
    headline = render_screen(chosen, 200).splitlines()[0]
    assert headline == (
        "No known secret of yours can be read by others. This covers only the processes that"
        " you chose: run `process-hardening audit` for all."
    )
    assert "you chose" not in render_screen(audit_of(hardened(7, "gunicorn")))


@pytest.mark.parametrize(
    ("fields", "headline"),
    [
        ({"asked_by": 0}, "No known secret can be read by others."),
        ({"asked_by": 1000}, "No known secret of yours can be read by others."),
        (
            {"asked_by": 0, "notes": ("x",)},
            "No known secret can be read by others, as far as seen.",
        ),
    ],
    ids=str,
)
def test_the_headline_claims_no_more_than_was_seen(fields: dict[str, Any], headline: str) -> None:
    """Only root sees the secrets of all users, and a note says that something was not seen."""
    assert render_screen(audit_of(hardened(7, "app"), **fields)).splitlines()[0] == headline


@pytest.mark.parametrize("asked_by", [0, 1000])
def test_an_unknown_environment_leaves_the_others_of_its_program_known(asked_by: int) -> None:
    """Two processes of one program: the row says it of the one that overwrote its environment."""
    overwritten = process(8, "python3 app.py", secret_variables=None)
    audit = audit_of(process(7, "python3 app.py"), overwritten, asked_by=asked_by)
    lines = render_screen(audit).splitlines()
    assert lines[0].endswith("can be read by others, as far as seen.")
    assert "   1 can be read, no secret found: python3 app.py" in lines
    assert "   1 can be read, environment not known: python3 app.py" in lines
    saved = read_saved(audit_as_dict(audit))
    assert [group.is_environment_known for group in saved.groups] == [True, False]
    assert summarise_hosts([("web", saved)]).endswith("can be read by others, as far as seen.")


@pytest.mark.parametrize(
    ("worse", "better", "headline"),
    [
        ({"tracer_pid": 9}, {"opens_itself": "Node.js"}, "1 program is traced or injected into."),
        (
            {"tracer_pid": 9},
            {"inspectable": True, "secret_variables": ("A_KEY",)},
            "1 program is traced or injected into. 1 program of yours holds secrets that your other"
            " programs can read.",
        ),
        (
            {"inspectable": True, "secret_variables": ("A_KEY",), "tracer_pid": 9},
            {},
            "1 program is traced or injected into. 1 program of yours holds secrets that your other"
            " programs can read.",
        ),
        (
            {"injected_libraries": ("/x.so",)},
            {"injected_libraries": ("/v/libprocess_hardening.so",)},
            "1 program is traced or injected into.",
        ),
        (
            {"injected_libraries": ("/v/libprocess_hardening.so",)},
            {"opens_itself": "Node.js"},
            "1 program runs another version of process-hardening, or a library with its name.",
        ),
    ],
)
def test_the_most_urgent_fact_of_a_program_is_in_the_headline(
    worse: dict[str, Any], better: dict[str, Any], headline: str
) -> None:
    """Whatever is said of another process of the same program, and in any order."""
    first = hardened(7, "node a.js").replace(**worse)
    second = hardened(8, "node a.js").replace(**better)
    for postures in ((first, second), (second, first)):
        assert render_screen(audit_of(*postures), 300).splitlines()[0] == headline


def test_a_program_that_lost_its_hardening_is_not_hidden_by_one_that_opens_itself() -> None:
    audit = audit_of(
        hardened(5, "agent"),
        process(6, "node a.js", ppid=5),
        hardened(7, "node a.js", opens_itself="Node.js"),
    )
    assert render_screen(audit).splitlines()[0] == "1 program has lost its hardening."


def test_each_tracer_of_a_program_is_named() -> None:
    """Two processes with one command line may have two tracers, or two injected libraries."""
    traced = [process(pid, "app", tracer_pid=pid + 90) for pid in (7, 8)]
    injected = [process(pid, "x", injected_libraries=(f"/{pid}.so",)) for pid in (5, 6)]
    commands = [group.commands for group in audit_of(*traced, *injected).groups]
    assert commands == [
        ("ps -o pid,user,args -p 97", "ps -o pid,user,args -p 98"),
        ("grep -F /5.so /proc/5/maps", "grep -F /6.so /proc/6/maps"),
    ]


def test_the_headline_counts_what_a_baseline_leaves_out() -> None:
    """It never says that nothing leaks because all that leaks is known."""
    leaks = audit_of(process(7, "app", secret_variables=("A_KEY",)))
    known = leaks.replace(entries=(), known=leaks.entries, known_since="T", scope=("--baseline",))
    assert render_screen(known, 200).splitlines()[0] == (
        "No new finding since T. 2 known findings are not shown."
        " Known or not: 1 program holds secrets that others can read."
    )
    new = leaks.replace(known=leaks.entries, known_since="T", scope=("--baseline",))
    assert render_screen(new, 200).splitlines()[0] == (
        "2 new findings since T: PH001 x1, PH009 x1. 1 program of yours holds secrets that your"
        " other programs can read. No known finding was left out."
    )


def test_new_findings_are_named_even_if_nothing_leaks() -> None:
    """For example of a hardened process whose libraries only root can see."""
    one = hardened(7, "app", injected_libraries=None, protected=("injected_libraries",))
    news = audit_of(one)
    assert [finding.id for _, finding in news.findings()] == ["PH016"]
    lines = render_screen(news.replace(known=news.entries, known_since="T")).splitlines()
    assert lines[0].startswith("1 new finding since T: PH016 x1.")
    assert any("process-hardening explain PH016" in line for line in lines)


def test_root_sees_whose_program_it_is_and_how_to_start_it_as_that_user() -> None:
    """Pasted, the command must not start another user's program as root, or somewhere else."""
    one = process(7, "python3 keeper.py", secret_variables=("A_KEY",), cwd="/srv/x y")
    own = process(8, "python3 /srv/own.py", uid=0, secret_variables=("A_KEY",), cwd="/srv")
    lines = render_screen(audit_of(one, own, asked_by=0), 120).splitlines()
    assert any(line.startswith("! python3 keeper.py (ada) ") for line in lines)
    assert "    cd '/srv/x y' && sudo -u ada harden -- python3 keeper.py" in lines
    assert "    harden -- python3 /srv/own.py" in lines
    (group, *_) = audit_of(one, asked_by=0).groups
    assert group.fix == (
        "Start it hardened as ada, in /srv/x y, with the environment that it has now."
    )


def test_a_group_with_several_command_lines_says_how_many() -> None:
    """The one that is printed would not start the others; --long has all."""
    fields: dict[str, Any] = {"secret_variables": ("A_KEY",)}
    audit = audit_of(process(11, "sleep 901", **fields), process(12, "sleep 5000", **fields),
                     process(13, "sleep 901", **fields))  # fmt: skip
    lines = render_screen(audit).splitlines()
    start = lines.index("    harden -- sleep 901")
    assert lines[start + 1] == "    (1 of 2 command lines: process-hardening audit --long)"
    assert "$ harden -- sleep 5000" in render_audit(audit)


def test_the_first_screen_of_a_machine_of_300_processes() -> None:
    """At most 24 lines of 80 cells, no sentence twice, the leak in the first five."""
    audit = crowded()
    assert len(audit.entries) == 300
    lines = render_screen(audit, 80, fail_on=HIGH).splitlines()
    assert len(lines) <= 23
    assert all(count_cells(line) <= 80 for line in lines)
    assert lines[0] == "4 programs of yours hold secrets that your other programs can read."
    assert any("node server.js x14" in line and "OPENAI_API_KEY" in line for line in lines[:5])
    assert "    cd /srv/web && harden -- node server.js" in lines
    assert "    exec env -u AWS_SECRET_ACCESS_KEY bash" in lines
    assert any(line.startswith("! bash x3 ") for line in lines), "the other 30 have no secret"
    sentences = [s for s in re.split(r"(?<=[.:]) |\n", "\n".join(lines)) if len(s) > 20]
    assert len(sentences) == len(set(sentences))
    assert not re.search(r"PH\d{3}(?<!explain PH001)", "\n".join(lines[:-1]))


@pytest.mark.parametrize("width", [30, 40, 60, 80, 120])
@pytest.mark.parametrize("asked_by", [0, 1000])
def test_any_width_is_respected(width: int, asked_by: int) -> None:
    """A command to copy is never cut: it may take a second line."""
    long = process(7, "java", command="java\0" + "x" * 400 + "\0", secret_variables=("A_KEY",))
    several = [process(n, f"sleep {n}", secret_variables=("A_KEY",)) for n in (8, 9)]
    shell = process(10, "-bash", command="-bash\0", secret_variables=("A_KEY",), core_limit=(0, 0))
    other = process(11, "app", uid=1001, secret_arguments=("--token",))
    for audit in (crowded(), audit_of(long), audit_of(*several, other), audit_of(shell, other)):
        audit = audit.replace(asked_by=asked_by, notes=("process 4711 has ended",))
        commands = {group.command for group in audit.groups}
        for line in render_screen(audit, width, fail_on=LOW).splitlines():
            start = line.removeprefix("Next:").strip()
            is_whole = start in commands or start.startswith("process-hardening ")
            assert count_cells(line) <= width or is_whole, line


def test_a_next_command_that_leaves_no_room_for_its_description_stays_whole() -> None:
    lines = render_screen(crowded(), 30).splitlines()
    assert "Next: process-hardening verify --pid 500" in lines
    assert lines[-1] == "      process-hardening audit --name NAME --fail-on low"


def test_more_groups_than_fit_are_counted() -> None:
    many = [process(pid, f"app{pid}", secret_variables=("A_KEY",)) for pid in range(1, 60)]
    lines = render_screen(audit_of(*many), 80).splitlines()
    assert len(lines) <= 24
    (more,) = [line for line in lines if "more group" in line]
    shown = sum(line.startswith("! ") for line in lines)
    assert f"and {59 - shown} more groups" in more


def test_a_command_too_long_for_the_screen_is_named() -> None:
    one = process(7, "java", command="java\0" + "x" * 400 + "\0", secret_variables=("A_KEY",))
    screen = render_screen(audit_of(one), 80)
    assert "process-hardening audit --long 7" in screen
    assert "harden -- java " + "x" * 400 in render_audit(audit_of(one), 80)


def test_nothing_to_say_is_said() -> None:
    lines = render_screen(audit_of(hardened(1, "agent")), 80).splitlines()
    assert lines[0] == "No known secret of yours can be read by others."
    assert any("1 is hardened: agent" in line for line in lines)


def test_what_could_not_be_read_is_not_called_closed() -> None:
    """Nor a process of other users: nobody knows whose it is."""
    audit = audit_of(Posture(pid=7, problem="no descriptor is left"), hardened(1, "agent"))
    lines = render_screen(audit, 80).splitlines()
    assert lines[0] == "1 process could not be read: see below."
    assert any("cannot be judged from here" in line for line in lines)
    assert not any("of other users" in line for line in lines)


def test_users_are_named_where_there_are_several() -> None:
    audit = audit_of(
        process(1, "app", secret_variables=("A_KEY",)),
        process(2, "app", uid=1001, secret_variables=("A_KEY",)),
        asked_by=0,
    )
    screen = render_screen(audit, 80)
    assert "! app (ada)" in screen
    assert "! app (bob)" in screen
    assert screen.startswith("2 programs hold secrets that others can read.")


def test_processes_of_others_are_one_line_for_an_ordinary_user() -> None:
    screen = render_screen(crowded(), 80)
    (line,) = [line for line in screen.splitlines() if "of other users" in line]
    expected = "125 of other users, whose secrets only root can see: root x100, bob x25"
    assert line.strip() == expected


def test_colour_only_adds_to_the_words() -> None:
    plain, coloured = (render_screen(crowded(), 80, wanted) for wanted in (False, True))
    assert "\x1b" not in plain
    assert re.sub(r"\x1b\[[0-9;]*m", "", coloured) == plain
    assert "\x1b[1;31m! node server.js" in coloured


@pytest.mark.parametrize("name", ["日本語", "é", "e\u0301", "שלום", "a\x1b[31mb", "x" * 90])
def test_columns_stay_aligned_whatever_the_name(name: str) -> None:
    """Wide, combining, right-to-left and long names, and escape sequences."""
    odd = process(1, "app", name=name, exe=f"/usr/bin/{name}", command=None,
                  secret_variables=("A_KEY",))  # fmt: skip
    audit = audit_of(odd, process(2, "plain", secret_variables=("A_KEY",)))
    lines = render_screen(audit, 80).splitlines()
    starts = {count_cells(line[: line.index("A_KEY")]) for line in lines if "A_KEY" in line}
    assert len(starts) == 1
    assert all(line.isprintable() or "\u200e" in line for line in lines)
    rows = [line for line in render_audit(audit, 120).splitlines() if " ada " in line]
    assert len({count_cells(row[: row.index("exposed")]) for row in rows if "exposed" in row}) == 1


def test_right_to_left_names_do_not_reorder_what_follows() -> None:
    """A left-to-right mark ends them; it takes no cell."""
    padded = pad("שלום", 6)
    assert padded == "שלום\u200e  "
    assert count_cells(padded) == 6


@pytest.mark.parametrize("width", [20, 33, 80])
@pytest.mark.parametrize(
    "word", ["plain", "日本語の名前", "e\u0301e\u0301e\u0301", "שלום", "a\x1b[31mb\x07", "x" * 300]
)
def test_folded_lines_fit_whatever_their_characters(word: str, width: int) -> None:
    """In cells, not in characters; nothing is lost but blanks."""
    text = f"{word} and {word}, then {word}"
    lines = fold(text, width, "  ", "    ", breaks=True)
    assert all(count_cells(line) <= width and line.isprintable() for line in lines)
    assert "".join("".join(lines).split()) == "".join(printable(text).split())
    assert lines[0].startswith("  ")
    assert all(line.startswith("    ") for line in lines[1:])


def test_a_word_too_long_for_a_line_stays_whole_where_it_is_to_be_copied() -> None:
    assert fold("run " + "x" * 50 + " now", 20) == ["run", "x" * 50, "now"]
    assert fold("", 20) == [""]
    assert fold("a b", None, "  ") == ["  a b"]


@pytest.mark.parametrize("breaks", [True, False])
def test_an_indent_as_wide_as_the_line_leaves_room_for_a_character(breaks: bool) -> None:
    """Every character is written, and none waits for room forever."""
    for indent, more in ((" " * 20, None), ("日本" * 5, "")):
        lines = fold("日本語 ab", 20, indent, more, breaks=breaks)
        assert "".join("".join(lines).replace(indent, "").split()) == "日本語ab"


@pytest.mark.parametrize("name", ["日本語", "e\u0301", "שלום", "a\x1b[31mb", "x" * 90])
def test_a_comparison_stays_aligned_whatever_the_name(name: str) -> None:
    odd = process(1, "app", exe=f"/usr/bin/{name}", command=None, secret_variables=("A_KEY",))
    after = audit_of(odd, process(2, "plain", secret_variables=("A_KEY",)))
    before, now = (read_saved(audit_as_dict(audit)) for audit in (audit_of(), after))
    rows = [
        line for line in render_comparison(compare(before, now)).splitlines() if "A_KEY" in line
    ]
    assert len(rows) == 2
    assert len({count_cells(row[: row.index("A_KEY")]) for row in rows}) == 1
    assert all(row.isprintable() or "\u200e" in row for row in rows)


def test_a_shortened_text_ends_within_its_cells() -> None:
    assert shorten("日本語の名前", 9) == "日本語..."
    assert shorten("short", 9) == "short"


def test_a_row_for_each_process_the_worst_first() -> None:
    text = render_audit(crowded(), 120)
    rows = [line.split() for line in text.splitlines() if re.match(r"\s*\d+ +\w+ ", line)]
    pids = [int(row[0]) for row in rows if row[1] in ("ada", "bob", "root")]
    assert len(pids) == 300
    assert pids[:14] == list(range(500, 514))
