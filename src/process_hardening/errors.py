"""The exceptions and exit codes of the package, and helpers for their messages."""

from __future__ import annotations

TYPE_CHECKING = False  # importing typing would take as long as starting Python
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Literal

    Step = Literal["inspection", "core_limit", "environment", "no_new_privs", "seal"]
    FailedStep = Step | Literal["children"]
    ExitCode = Literal[5, 6, 7, 8]

FOUND = 1
"""The command found something: findings, a leak, or a process or Python that is not hardened."""
USAGE_ERROR = 2
"""Invalid arguments, or the command failed."""
NOT_KNOWN = 3
"""The result is unknown, or a hook or interpreter has to be repaired."""
INSPECTION_ERROR: Literal[5] = 5
"""The process could not be made non-inspectable, or could not be re-executed."""
TRACER_ERROR: Literal[6] = 6
"""PT_DENY_ATTACH failed, or a tracer is attached."""
CORE_LIMIT_ERROR: Literal[7] = 7
"""RLIMIT_CORE could not be set to 0."""
ENVIRONMENT_ERROR: Literal[8] = 8
"""The environment could not be cleaned, the bypass was refused, or children cannot be hardened."""
CANNOT_PROTECT = 126
"""The program cannot be started protected."""
NOT_FOUND = 127
"""There is no such program."""
INTERRUPTED = 130
"""Ctrl-C: 128 plus the number of SIGINT, as in a shell."""
# 5 to 8 come from the specification (FR6) and are in native/core/hardening.h too; a test compares
# them.


class HardeningError(OSError):
    """A hardening step failed; earlier steps remain applied.

    errno -- the error of the failed call; 0 if the call reported success but reading the value back
        shows that the step is not applied
    step -- 'inspection', 'core_limit', 'environment', 'no_new_privs', 'seal' or 'children'
    exit_code -- the status that pre_main_hardening() exits with: 5, 6, 7 or 8
    bypass_variable -- the variable that skips every step if it is '1'; None if there is none or it
        is unknown
    """

    step: FailedStep
    exit_code: ExitCode
    bypass_variable: str | None = None

    def __init__(self, errno: int, description: str, step: FailedStep, exit_code: ExitCode) -> None:
        super().__init__(errno, description)
        self.step = step
        self.exit_code = exit_code

    def __str__(self) -> str:
        return str(self.strerror)

    def __reduce__(self) -> tuple[object, ...]:
        return type(self), (self.errno, self.strerror, self.step, self.exit_code)


class MissingVariableError(KeyError):
    """The variable that was requested from take_env() is not in the environment."""

    def __str__(self) -> str:
        return f"{self.args[0]}: not in the environment, or already taken"


class SecretMemoryError(OSError):
    """The system cannot provide protected memory; errno and str() give the reason."""


class InjectorRefusedError(ValueError):
    """guard_environment() refused to set a loader variable that may inject code."""


class ConfinementError(OSError):
    """The kernel cannot confine the program or process; errno and str() say why and what to do.

    errno -- the error of the failed call; 0 if the call reported success but a test shows that the
        restriction is not active
    """

    exit_code = CANNOT_PROTECT

    def __str__(self) -> str:
        return str(self.strerror)


class DebugWindowError(RuntimeError):
    """A debug window cannot be opened, or a debugger is still attached when it closes."""


def hide_value(word: str) -> str:
    """Return the word; for NAME=VALUE return NAME=..., because the value may be a secret."""
    name, equals, _ = word.partition("=")
    return f"{name}=..." if equals else word


def hide_values(message: str, words: Iterable[str]) -> str:
    """Return a message without the values of all words NAME=VALUE of a command line.

    The words can also be --option=VALUE and --option=NAME=VALUE. A path may contain "=".
    """
    options = [word for word in words if word.startswith("-")]
    texts = [*words, *(option.partition("=")[2] for option in options)]
    for text in sorted(texts, key=len, reverse=True):  # a text can be the beginning of another
        name, _, value = text.partition("=")
        if value and ("/" not in name or "://" in name):
            for shown in (text, repr(text)[1:-1]):
                message = message.replace(shown, hide_value(text))
    for option in options:  # argparse quotes the value alone
        value = option.partition("=")[2]
        if value:
            message = message.replace(repr(value), "'...'")
    return message


def suggest(word: str, known: Iterable[str]) -> str:
    """Return " (did you mean X?)" for an unknown word, or an empty string."""
    import difflib  # imported only after a mistake

    closest = difflib.get_close_matches(word, list(known), n=1)
    return f" (did you mean {closest[0]}?)" if closest else ""


class CommandError(Exception):
    """The command failed; str() is the line to print.

    exit_code -- the status to exit with; 2 unless a subclass says otherwise
    """

    exit_code = USAGE_ERROR


class NotKnownError(CommandError):
    """The result is unknown; the message says why."""

    exit_code = NOT_KNOWN


class StoppedError(CommandError):
    """The user stopped the command with Ctrl-C."""

    exit_code = INTERRUPTED


class CannotProtectError(CommandError):
    """The program exists, but cannot be started protected."""

    exit_code = CANNOT_PROTECT


class NotFoundError(CommandError):
    """There is no such program."""

    exit_code = NOT_FOUND
