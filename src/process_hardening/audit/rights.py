"""The rights of a process, according to its /proc/PID/status. Pure."""

from __future__ import annotations

from process_hardening.audit.procfs import parse_bits, parse_number
from process_hardening.state import may_be_confined

TYPE_CHECKING = False  # importing typing would take as long as starting Python
if TYPE_CHECKING:
    from process_hardening.audit.command_line import Facts

READING_CAPABILITIES = {
    2: "CAP_DAC_READ_SEARCH",
    16: "CAP_SYS_MODULE",
    17: "CAP_SYS_RAWIO",
    19: "CAP_SYS_PTRACE",
    21: "CAP_SYS_ADMIN",
    38: "CAP_PERFMON",
}
"""The capabilities that let a process read others' memory or files; capabilities(7)."""


def rights_of(fields: dict[str, bytes]) -> Facts:
    """Return who traces a process and what it may do, from the fields of its /proc/PID/status."""
    facts: Facts = {
        "tracer_pid": parse_number(fields, "TracerPid"),
        "seccomp": parse_number(fields, "Seccomp"),
    }
    no_new_privs = parse_number(fields, "NoNewPrivs")
    if no_new_privs is not None:
        facts["no_new_privs"] = bool(no_new_privs)
        facts["confined"] = may_be_confined(facts["no_new_privs"], facts["seccomp"])
    effective, permitted = parse_bits(fields, "CapEff"), parse_bits(fields, "CapPrm")
    if effective is not None and permitted is not None:
        held = effective | permitted
        facts["capabilities"] = tuple(
            name for bit, name in READING_CAPABILITIES.items() if held >> bit & 1
        )
    return facts
