"""Limits which output of tools and programs is reported, as it may quote the target's memory.

Every result of an attempt passes through here. Output is quoted only for our own victims, which
hold nothing but canaries. For all other targets, only known reasons are reported.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Iterable
from dataclasses import replace

from process_hardening.verify.model import Attempt

NOT_SHOWN = "output not shown, because it may quote the target's memory"

_REASONS = (
    *(os.strerror(number) for number in sorted(errno.errorcode)),
    "observability operations is limited",
    "Failed to open process",
    "unable to access process",
    "Failed to attach a debugger to the process",
)
"""The reasons that may be reported: the system's, and those of tools that print their own."""


def make_reportable(attempt: Attempt, needles: Iterable[bytes], is_ours: bool) -> Attempt:
    """Return the attempt without output, and with a message that contains no secret of its target.

    needles -- the secrets that are known; is_ours -- whether the target is one of our victims
    """
    message = describe(attempt.message, attempt.output, is_ours)
    return replace(attempt, message=remove_secrets(message, needles), output="")


def describe(message: str, output: str, is_ours: bool) -> str:
    """Return our message, plus whatever part of the output is safe to report."""
    quoted = output if is_ours else name_reason(output)
    if output and not quoted and not message:
        quoted = NOT_SHOWN
    return "; ".join(filter(None, (message, quoted)))


def name_reason(output: str) -> str:
    """Return the first of the known reasons that the output contains, or ""."""
    text = output.lower()
    return next((reason for reason in _REASONS if reason.lower() in text), "")


def remove_secrets(text: str, needles: Iterable[bytes]) -> str:
    """Return the text without secrets: a tool or a program may have printed one."""
    for needle in needles:
        text = text.replace(needle.decode("utf-8", "replace"), "[canary]")
    return text
