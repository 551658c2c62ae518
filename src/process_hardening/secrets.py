"""Keep secrets from root, core dumps, swap and the environment block."""

from __future__ import annotations

import os
import sys

from process_hardening import _native, environment
from process_hardening._secret_memory import SecretMemory
from process_hardening.errors import HardeningError, MissingVariableError, SecretMemoryError
from process_hardening.policy import STEPS
from process_hardening.variables import describe_name

TYPE_CHECKING = False  # importing typing would cost as much as Python's own start
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import NoReturn, TypeVar

    from typing_extensions import Buffer, Self

    Made = TypeVar("Made")


def _take(name: str, make: Callable[[memoryview], Made]) -> Made:
    if not isinstance(name, str):
        raise TypeError(f"the name of a variable is a str, not {type(name).__name__}")
    # A "*" at the end would stand for every name that begins so (native/core/hardening.h).
    if not name or "=" in name or "\0" in name or name.endswith("*"):
        raise ValueError(f"{describe_name(name)} is not a variable name")
    key = os.fsencode(name)
    # Before anything is changed: where the initial environment is hidden, it cannot be wiped.
    _, failure = _native.initial_environment(True)
    if failure:
        raise HardeningError(*failure)
    value = _native.read_variable(key)
    if value is None and key in os.environb:  # it was removed behind Python's back
        value = bytearray(os.environb[key])
    if value is None:
        _remove(key)  # its bytes may still be in the initial environment
        raise MissingVariableError(name)
    try:
        made = make(memoryview(value))
    finally:
        value[:] = bytes(len(value))  # a view that is kept shows zeroes
    _remove(key)
    return made


def _remove(key: bytes) -> None:
    """Remove a variable from this process and wipe it wherever it is. Raises HardeningError."""
    only_environment = 1 << STEPS.index("environment")
    *_, failure = _native.harden(only_environment, False, (key,), (), None, False, True)
    if failure:
        raise HardeningError(*failure)
    # The dict behind os.environ and os.environb, which has this name in every version of Python:
    # their own interface would make one more copy of the value.
    data = getattr(os.environb, "_data", None)
    if isinstance(data, dict):
        _native.pop_and_wipe(data, key)
    environment.clean_mappings((key,), ())


def _decode(value: memoryview) -> str:
    """As os.fsdecode() does, without a bytes object in between."""
    return str(value, sys.getfilesystemencoding(), sys.getfilesystemencodeerrors())


def take_env(name: str) -> str:
    """Read a variable, remove it from the environment, and wipe it wherever it lay, in one step.

    It is gone for children too, and from /proc/PID/environ, which root reads. The str that is
    returned is ordinary memory of this process, and so is every copy that is made of it: Python
    cannot wipe those. SecretBuffer.from_env() makes none.

    name -- of the variable. Returns its value, decoded as os.environ decodes. Raises
    MissingVariableError (a KeyError) when there is none, ValueError for what is no name, and
    HardeningError when the initial environment cannot be found; nothing has changed then.
    """
    return _take(name, _decode)


class SecretBuffer(SecretMemory):
    """Bytes in memory that the kernel itself does not map (memfd_secret(2)).

    Nobody reads them through /proc/PID/mem, ptrace or process_vm_readv, root neither; they are in
    no core dump and in no swap. Where there is no such memory, pages that are locked and left out
    of core dumps take its place; `protection` tells which. It counts against RLIMIT_MEMLOCK, at
    least one page each.

    Pass it wherever bytes are read (`hmac.digest(secret, ...)`, `socket.send(secret)`) or written
    (`file.readinto(secret)`); memoryview(secret) makes no copy. bytes(secret) and slices of a view
    made bytes or str are ordinary copies, which Python cannot wipe.

    source -- how many bytes, all zero, or an object whose bytes are copied; the original stays
    protection -- 'memfd_secret' or 'mlock'

    close() zeroes it, and so do `with` and the end of its life. Children by fork share the pages:
    what one writes all see, what a child closes stays in place for the process that made it, and
    when that closes, they are zero for all. Raises TypeError and ValueError for other sources,
    SecretMemoryError when the system gives no such memory.
    """

    __slots__ = ()

    def __init__(self, source: int | Buffer, /) -> None:
        if isinstance(source, str):
            raise TypeError("a secret is bytes: encode the str, which itself stays in memory")
        if isinstance(source, int):
            self._get(source)
            return
        with memoryview(source) as given, given.cast("B") as content:
            self._get(len(content))
            with memoryview(self) as own:
                own[:] = content

    def _get(self, size: int) -> None:
        if not 0 <= size <= sys.maxsize:
            raise ValueError("the size must not be negative, nor larger than memory")
        try:
            self._take(size)
        except OSError as error:
            raise SecretMemoryError(
                error.errno,
                f"cannot allocate secret memory: {error.strerror}: raise RLIMIT_MEMLOCK"
                " (`ulimit -l`) or close other buffers",
            ) from None

    @classmethod
    def from_env(cls, name: str) -> Self:
        """Take a variable as take_env() does, without making a str of it.

        Raises what take_env() raises, and SecretMemoryError; nothing has changed then.
        """
        return _take(name, cls)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __reduce_ex__(self, protocol: object) -> NoReturn:
        raise TypeError("a SecretBuffer is neither copied nor pickled")

    def __repr__(self) -> str:
        return "<SecretBuffer>"
