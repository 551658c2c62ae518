"""The errors of the package. Each knows the exit status it stands for."""

from __future__ import annotations


class HardeningError(OSError):
    """A step of hardening failed; the steps before it stay in force.

    errno -- the error of the failed call, or 0 when the call claimed success
    step -- 'inspection', 'core_limit', 'environment', 'no_new_privs', 'seal' or 'children'
    exit_code -- what pre_main_hardening() exits with: 5, 6, 7 or 8
    """

    def __init__(self, errno: int, description: str, step: str, exit_code: int) -> None:
        super().__init__(errno, description)
        self.step = step
        self.exit_code = exit_code

    def __str__(self) -> str:
        return str(self.strerror)


class MissingVariableError(KeyError):
    """take_env() was asked for a variable that is not in the environment."""

    def __str__(self) -> str:
        return f"{self.args[0]}: not in the environment, or taken from it already"


class SecretMemoryError(OSError):
    """The system gives no memory that is out of the reach of others; errno and why say so."""


class InjectorRefusedError(ValueError):
    """guard_environment() keeps a variable that injects code out of os.environ."""


class DebugWindowError(RuntimeError):
    """A debug window cannot be opened now, or a debugger stays attached at its end."""


class CommandError(Exception):
    """The command cannot do what it was asked for; str() is the line to print.

    exit_code -- the status to exit with; 2 unless a subclass says otherwise
    """

    exit_code = 2


class CannotProtectError(CommandError):
    """The program exists but cannot be started protected."""

    exit_code = 126


class NotFoundError(CommandError):
    """There is no such program."""

    exit_code = 127
