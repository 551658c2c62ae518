"""What contributors' tools and a forge read."""

from __future__ import annotations

from pathlib import Path

import pytest

import support

ROOT = Path(__file__).resolve().parents[2]
FORMS = sorted((ROOT / ".github" / "ISSUE_TEMPLATE").glob("[!c]*.yml"))
TEMPLATES = [*FORMS, ROOT / ".github" / "pull_request_template.md"]


@pytest.mark.parametrize("form", FORMS, ids=lambda path: path.stem)
def test_an_issue_form_is_valid(form: Path) -> None:
    """By the schema of the forge that shows it."""
    check = support.find_tool("check-jsonschema")
    result = support.run([check, "--builtin-schema", "vendor.github-issue-forms", str(form)])
    assert result.returncode == 0, result.stdout


@pytest.mark.parametrize("template", TEMPLATES, ids=lambda path: path.stem)
def test_a_template_asks_for_the_version(template: Path) -> None:
    """The first question of whoever answers."""
    assert "process-hardening --version" in template.read_text()


def test_the_hooks_are_valid() -> None:
    """They run what CI runs, and format C."""
    result = support.run([support.find_tool("pre-commit"), "validate-config"], cwd=ROOT)
    assert result.returncode == 0, result.stdout
    hooks = (ROOT / ".pre-commit-config.yaml").read_text()
    assert "entry: make lint\n" in hooks
    assert "entry: git clang-format " in hooks


def test_make_help_lists_every_target() -> None:
    """With what it does."""
    result = support.run(["make", "--no-print-directory", "help"], cwd=ROOT)
    makefile = (ROOT / "Makefile").read_text()
    (phony,) = (line for line in makefile.splitlines() if line.startswith(".PHONY: "))
    listed = {line.split()[0] for line in result.stdout.splitlines() if len(line.split()) > 1}
    assert listed == set(phony.split()[1:])
