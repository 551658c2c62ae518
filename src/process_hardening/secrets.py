"""Keep secrets from root, core dumps, swap and the environment block."""

from __future__ import annotations

import errno
import os
import sys

from process_hardening import _native, environment
from process_hardening._secret_memory import SecretMemory
from process_hardening.errors import (
    ENVIRONMENT_ERROR,
    HardeningError,
    MissingVariableError,
    SecretMemoryError,
)
from process_hardening.variables import describe_name

TYPE_CHECKING = False  # importing typing would cost as much as Python's own start
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Literal, NoReturn, TypeVar

    from typing_extensions import Buffer, Self

    Made = TypeVar("Made")
    Kind = Literal["memfd_secret", "mlock"]

_KINDS: dict[str | None, int] = {None: -1, "memfd_secret": 0, "mlock": 1}
"""In the order of enum ph_secret_kind, native/secret/secret.h."""

_RAISE_LIMIT = "raise RLIMIT_MEMLOCK (`ulimit -l`) or close other buffers"
_ADVICE = {
    errno.EMFILE: "raise RLIMIT_NOFILE (`ulimit -n`) or close files",
    errno.ENFILE: "the system has too many open files",
    errno.ENOSYS: "this system has no memfd_secret(2)",
}


def _take(name: str, make: Callable[[memoryview], Made]) -> Made:
    if not isinstance(name, str):
        raise TypeError(f"the name of a variable is a str, not {type(name).__name__}")
    # A "*" at the end would stand for every name that begins so (native/core/hardening.h).
    if not name or "=" in name or "\0" in name or name.endswith("*"):
        raise ValueError(f"{describe_name(name)} is not a variable name")
    if not hasattr(os, "environb"):
        problem = "no variable can be wiped from the environment of Windows"
        raise HardeningError(errno.ENOSYS, problem, "environment", ENVIRONMENT_ERROR)
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
    environment.wipe_variable(key)
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
    HardeningError when the initial environment cannot be found, or when the value is in read-only
    memory (EFAULT), as C code that calls putenv(3) with a literal leaves it; nothing has changed
    then. Other interpreters of the process keep the copies in their own os.environ.
    """
    return _take(name, _decode)


class SecretBuffer(SecretMemory):
    """Bytes in memory that the kernel itself does not map (memfd_secret(2)).

    Nobody reads them through /proc/PID/mem, ptrace or process_vm_readv, not even root; they are in
    no core dump and in no swap. Where there is no such memory, pages that are locked and left out
    of core dumps take its place; `protection` tells which. It counts against RLIMIT_MEMLOCK, at
    least one page each. While memfd_secret memory exists, the kernel refuses to hibernate.

    Pass it wherever bytes are read (`hmac.digest(secret, ...)`, `socket.send(secret)`) or written
    (`socket.recv_into(secret)`, `open(path, "rb", buffering=0).readinto(secret)`: with a buffer,
    Python keeps a copy there); memoryview(secret) makes no copy. bytes(secret) and slices of a view
    made bytes or str are ordinary copies, which Python cannot wipe.

    source -- how many bytes, all zero, or an object whose bytes are copied; the original stays
    require -- 'memfd_secret': nothing else will do; 'mlock': locked pages, which let the machine
        hibernate; None: memfd_secret where the system has it, else mlock
    protection -- 'memfd_secret' or 'mlock'

    close() zeroes it, and so do `with` and the end of its life. Children by fork share the pages:
    a write by one is seen by all, what a child closes stays in place for the process that made it,
    and when that closes, they are zero for all. Raises TypeError and ValueError for other sources,
    SecretMemoryError when the system cannot provide such memory.
    """

    __slots__ = ()

    def __init__(self, source: int | Buffer, /, *, require: Kind | None = None) -> None:
        if require not in _KINDS:
            raise ValueError(f"require must be 'memfd_secret', 'mlock' or None, not {require!r}")
        kind = _KINDS[require]
        if isinstance(source, str):
            raise TypeError("a secret is bytes: encode the str, which itself stays in memory")
        if isinstance(source, int):
            self._get(source, kind)
            return
        with memoryview(source) as given, given.cast("B") as content:
            self._get(len(content), kind)
            with memoryview(self) as own:
                own[:] = content

    def _get(self, size: int, kind: int) -> None:
        if not 0 <= size <= sys.maxsize:
            raise ValueError("the size must not be negative, nor larger than memory")
        try:
            self._take(size, kind)
        except OSError as error:
            advice = _ADVICE.get(error.errno or 0, _RAISE_LIMIT)
            raise SecretMemoryError(
                error.errno, f"cannot allocate secret memory: {error.strerror}: {advice}"
            ) from None

    @classmethod
    def from_env(cls, name: str, *, require: Kind | None = None) -> Self:
        """Take a variable as take_env() does, without making a str of it.

        require -- as above. Raises what take_env() raises, and SecretMemoryError; nothing has
        changed then.
        """
        return _take(name, lambda value: cls(value, require=require))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __reduce_ex__(self, protocol: object) -> NoReturn:
        raise TypeError("a SecretBuffer is neither copied nor pickled")

    def __repr__(self) -> str:
        return "<SecretBuffer>"
