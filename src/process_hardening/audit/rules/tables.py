"""The tables of all rules. Rules are listed in the module of their subject, new topics here."""

from __future__ import annotations

from process_hardening.audit.rules import host_access, host_dumps, host_system
from process_hardening.audit.rules.model import Check, HostCase, Rule, Topic
from process_hardening.audit.rules.process import RULES as PROCESS_RULES
from process_hardening.errors import suggest

TYPE_CHECKING = False  # importing typing would take as long as starting Python
if TYPE_CHECKING:
    from collections.abc import Iterable

TOPICS = (
    host_dumps.CORE_DUMPS,
    host_dumps.SUID_DUMPABLE,
    host_access.YAMA,
    host_access.LANDLOCK,
    host_access.PERF,
    host_access.USER_NAMESPACES,
    host_system.PRELOAD_FILE,
    host_system.MEMFD,
    host_system.SWAP,
    host_access.EXIT_RACE,
    host_system.RANDOMIZATION,
    host_access.HIDEPID,
    host_access.READERS,
)
"""The questions that doctor asks about the host, in the order of its table."""

HOST_RULES = tuple(rule for topic in TOPICS for rule in topic.rules)


def _sorted_by_id(rules: Iterable[Rule]) -> dict[str, Rule]:
    return {rule.id: rule for rule in sorted(rules, key=lambda rule: rule.id)}


RULES = _sorted_by_id((*PROCESS_RULES, *HOST_RULES))
"""Every rule, by its id."""


def suggest_id(word: str) -> str:
    """Return " (did you mean ID?)" for an unknown id, such as PH01, or an empty string."""
    id_ = word.upper()
    padded = f"PH{id_.removeprefix('PH'):0>3}"
    return suggest(padded if padded in RULES else id_, RULES)


def judge_topic(topic: Topic, case: HostCase) -> Check:
    """Answer one question about the host. If the answer is unknown, there are no findings."""
    answer = topic.describe(case)
    found = [finding for rule in topic.rules if answer.is_known and (finding := rule.judge(case))]
    return Check(topic=topic.name, answer=answer, findings=tuple(found))


def judge_host(case: HostCase) -> tuple[Check, ...]:
    """Answer every question about the host."""
    return tuple(judge_topic(topic, case) for topic in TOPICS)
