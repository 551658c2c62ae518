"""The C unit tests: built and run plain, with sanitizers, and against musl."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import pytest

import support

ROOT = Path(__file__).resolve().parents[2]

# Tools of this virtual environment first, as a system's CMake may be too old.
PATH = os.pathsep.join((str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath)))

VARIANTS = {
    "plain": ("-DCMAKE_BUILD_TYPE=Release", "-DPROCESS_HARDENING_FAKES=OFF"),  # as in the wheel
    "sanitize": ("-DPROCESS_HARDENING_SANITIZE=ON",),
    "musl": ("-DCMAKE_C_COMPILER=musl-gcc", "-DPROCESS_HARDENING_FAKES=OFF"),
}

EVERYWHERE = {"report", "message", "environment", "linux"}

# Of what has no libc, which a sanitizer needs.
WITHOUT_LIBC = {"preload", "launch"}

# The same with every libc, so with sanitizers only.
FAKED = {
    "platform_macos",
    "platform_freebsd",
    "platform_openbsd",
    "platform_netbsd",
    "platform_windows",
}

# They get their inputs in tests/fuzz/corpus.
FUZZ_TARGETS = {
    "fuzz_environment",
    "fuzz_message",
    "fuzz_exceptions",
    "fuzz_options",
    "fuzz_program",
    "fuzz_stand_in",
    "fuzz_script",
    "fuzz_proc_text",
}

# Fewer checks mean that a table or a loop has become empty.
LEAST_CHECKS = {"message": 4000, "environment": 20000, "linux": 800, "preload": 300}


def must_succeed(*command: str | Path) -> None:
    """Run a command; its failure is the test's."""
    done = subprocess.run(
        command,
        env={**os.environ, "PATH": PATH},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
        errors="replace",  # the C tests print names that are not UTF-8
        check=False,
    )
    if done.returncode:
        pytest.fail(f"{' '.join(map(str, command))}: {done.returncode}\n{done.stdout}")


@pytest.mark.skipif(sys.platform != "linux", reason="The C unit tests are for Linux.")
@pytest.mark.parametrize("variant", VARIANTS)
def test_c(variant: str, tmp_path: Path) -> None:
    """Every test program is built without a warning, runs, and passes."""
    cmake, ctest, _ = map(support.find_tool, ("cmake", "ctest", "ninja"))
    if variant == "musl":
        support.find_tool("musl-gcc")
    build, results = tmp_path / "build", tmp_path / "results.xml"
    must_succeed(
        *(cmake, "-G", "Ninja", "-S", ROOT, "-B", build),
        *("-DPROCESS_HARDENING_TESTS=ON", "-DPROCESS_HARDENING_WERROR=ON", *VARIANTS[variant]),
    )
    must_succeed(cmake, "--build", build, "--parallel", str(os.cpu_count() or 1))
    must_succeed(
        *(ctest, "--test-dir", build, "--output-on-failure", "--timeout", "120"),
        *("--output-junit", results, "--test-output-size-passed", "65536"),
    )

    suite = ElementTree.parse(results).getroot()  # noqa: S314 (written by ctest a moment ago)
    outputs = {case.get("name"): case.findtext("system-out") or "" for case in suite}
    expected = EVERYWHERE | (FAKED | FUZZ_TARGETS if variant == "sanitize" else WITHOUT_LIBC)
    assert set(outputs) == expected
    assert suite.get("tests") == str(len(expected))
    assert {suite.get(kind) for kind in ("failures", "disabled", "skipped")} == {"0"}
    for name in LEAST_CHECKS.keys() & expected:
        summary = re.search(r"^(\d+) checks, 0 failed$", outputs[name], re.MULTILINE)
        assert summary, outputs[name]
        assert int(summary[1]) >= LEAST_CHECKS[name]
    left_out = [text for text in outputs.values() if "not tested" in text]
    assert not (support.MUST_WORK and left_out), left_out
