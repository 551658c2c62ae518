"""Keeps secrets away from root, and out of core dumps, swap and the environment block."""

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

TYPE_CHECKING = False  # importing typing would take as long as starting Python
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
        raise TypeError(f"the name of a variable must be a str, not {type(name).__name__}")
    # A "*" at the end would match every name with this prefix (native/core/hardening.h).
    if not name or "=" in name or "\0" in name or name.endswith("*"):
        raise ValueError(f"{describe_name(name)} is not a variable name")
    if not hasattr(os, "environb"):
        problem = "variables cannot be wiped from the environment on Windows"
        raise HardeningError(errno.ENOSYS, problem, "environment", ENVIRONMENT_ERROR)
    key = os.fsencode(name)
    # Check before any change: a hidden initial environment cannot be wiped.
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
        value[:] = bytes(len(value))  # remaining views show zeroes
    _remove(key)
    return made


def _remove(key: bytes) -> None:
    """Remove a variable from this process and wipe every copy. Raises HardeningError."""
    environment.wipe_variable(key)
    # The dict behind os.environ and os.environb has this name in every version of Python. Their own
    # interface would make one more copy of the value.
    data = getattr(os.environb, "_data", None)
    if isinstance(data, dict):
        _native.pop_and_wipe(data, key)
    environment.clean_mappings((key,), ())


def _decode(value: memoryview) -> str:
    """Decode like os.fsdecode(), without an intermediate bytes object."""
    return str(value, sys.getfilesystemencoding(), sys.getfilesystemencodeerrors())


def take_env(name: str) -> str:
    """Read a variable, remove it from the environment and wipe it, in one step.

    Children no longer get it, and it disappears from /proc/PID/environ, which root can read. The
    returned str and its copies are ordinary memory, which Python cannot wipe.
    SecretBuffer.from_env() makes no such copy.

    name -- the name of the variable

    Returns the value, decoded like os.environ. Raises MissingVariableError (a KeyError) if there is
    no such variable and ValueError for an invalid name. Raises HardeningError, and changes nothing,
    if the initial environment cannot be found or the value is in read-only memory (EFAULT), where C
    code puts it by calling putenv(3) with a literal. Other interpreters in the process keep the
    copies in their own os.environ.
    """
    return _take(name, _decode)


class SecretBuffer(SecretMemory):
    """Bytes in memory that not even the kernel maps (memfd_secret(2)).

    Not even root can read them through /proc/PID/mem, ptrace or process_vm_readv, and they never
    get into core dumps or swap. If the system has no such memory, locked pages that are excluded
    from core dumps are used instead; `protection` says which kind it is. Each buffer counts as at
    least one page against RLIMIT_MEMLOCK. While memfd_secret memory exists, the kernel refuses to
    hibernate.

    Pass it wherever bytes are read (`hmac.digest(secret, ...)`, `socket.send(secret)`) or written
    (`socket.recv_into(secret)`, `open(path, "rb", buffering=0).readinto(secret)`; a buffered file
    would keep a copy). memoryview(secret) makes no copy. bytes(secret), and slices that are
    converted to bytes or str, are ordinary copies, which Python cannot wipe. int() and float()
    refuse it. Other functions that parse bytes, such as compile(), copy them and may quote them in
    an error. To compare the bytes, use hmac.compare_digest(secret, other): `secret == other` is
    true only for the same object.

    source -- the number of zero bytes, or an object whose bytes are copied; the object itself
        remains in memory
    require -- 'memfd_secret': accept nothing else; 'mlock': use locked pages, which allow
        hibernation; None: use memfd_secret if the system has it, else mlock
    protection -- 'memfd_secret' or 'mlock'

    The bytes are zeroed by close(), at the end of a `with` block, and when the object is deleted.
    Forked children share the pages, so a write by one process is visible to all. close() in a child
    does not zero the bytes; close() in the process that created the buffer zeroes them for all.
    Raises TypeError and ValueError for other sources, and SecretMemoryError if the system cannot
    provide such memory.
    """

    __slots__ = ()

    def __init__(self, source: int | Buffer, /, *, require: Kind | None = None) -> None:
        if require not in _KINDS:
            raise ValueError(f"require must be 'memfd_secret', 'mlock' or None, not {require!r}")
        kind = _KINDS[require]
        if isinstance(source, str):
            raise TypeError("a secret must be bytes: encode the str (which itself stays in memory)")
        if isinstance(source, int):
            self._get(source, kind)
            return
        with memoryview(source) as given, given.cast("B") as content:
            self._get(len(content), kind)
            with memoryview(self) as own:
                own[:] = content

    def _get(self, size: int, kind: int) -> None:
        if not 0 <= size <= sys.maxsize:
            raise ValueError("the size must not be negative or larger than memory")
        try:
            self._take(size, kind)
        except OSError as error:
            advice = _ADVICE.get(error.errno or 0, _RAISE_LIMIT)
            raise SecretMemoryError(
                error.errno, f"cannot allocate secret memory: {error.strerror}: {advice}"
            ) from None

    @classmethod
    def from_env(cls, name: str, *, require: Kind | None = None) -> Self:
        """Take a variable like take_env(), without making a str of it.

        require -- as above. Raises what take_env() raises, or SecretMemoryError, in which case
        nothing has changed.
        """
        return _take(name, lambda value: cls(value, require=require))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __reduce_ex__(self, protocol: object) -> NoReturn:
        raise TypeError("a SecretBuffer cannot be copied or pickled")

    def __repr__(self) -> str:
        return "<SecretBuffer>"
