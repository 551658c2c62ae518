"""SecretBuffer and take_env(): out of reach of root, of cores, and of the environment block."""

from __future__ import annotations

import copy
import hashlib
import hmac
import os
import pickle
import re
import secrets
import signal
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

import process_hardening as ph
import starts
import support
from process_hardening.elf import read_image
from victims import Console, Cores

NO_MEMFD = "memfd_secret:0=524288:ENOSYS"  # O_CLOEXEC, its only argument
SIZE = 32


@pytest.fixture
def key(user_tmp: Path) -> Path:
    """A file with a random key."""
    path = user_tmp / "key"
    path.write_text(secrets.token_hex(SIZE // 2))
    path.chmod(0o644)
    return path


def flags_of(pid: int, address: int) -> list[str]:
    """What the kernel says of the mapping at an address: proc_pid_smaps(5), VmFlags."""
    for block in re.split(r"\n(?=[0-9a-f]+-)", Path(f"/proc/{pid}/smaps").read_text()):
        start, end = (int(word, 16) for word in block.split(maxsplit=1)[0].split("-"))
        if start <= address < end:
            return block.split("VmFlags:")[1].split()
    raise AssertionError("no such mapping")


def memory_of(pid: int) -> bytes:
    """All that root can read of the memory of a process."""
    found = []
    with open(f"/proc/{pid}/maps") as maps, open(f"/proc/{pid}/mem", "rb", buffering=0) as memory:
        for line in maps:
            start, end = (int(word, 16) for word in line.split(maxsplit=1)[0].split("-"))
            try:
                memory.seek(start)
                found.append(memory.read(end - start))
            except (OSError, OverflowError):
                continue  # [vvar], [vsyscall], and what this test is about
    return b"".join(found)


AS_ROOT = {"user": None, "group": None, "extra_groups": None}


@pytest.mark.parametrize("attack", ["mem", "process_vm_readv", "ptrace-attach", "ptrace-seize"])
def test_root_cannot_read_it(programs: Path, key: Path, attack: str) -> None:
    """Of an unhardened process, at an address that the attacker knows."""
    support.require_root()
    with Console(programs) as control, Console(programs) as victim:
        where = control.hold(key, "bytearray")
        assert key.read_text() in control.attack(attack, where, SIZE, **AS_ROOT), "inconclusive"

        where = victim.hold(key, "ph.SecretBuffer")
        assert victim.do("secret.protection") == "'memfd_secret'"
        assert key.read_text() not in victim.attack(attack, where, SIZE, **AS_ROOT)
        assert victim.do("bytes(secret).decode()") == repr(key.read_text())  # it is there


def test_it_is_nowhere_in_the_memory_that_root_reads(programs: Path, key: Path) -> None:
    """No copy is left in the process, through whatever door root comes."""
    support.require_root()
    with Console(programs) as control, Console(programs) as victim:
        control.hold(key, "bytearray")
        assert key.read_bytes() in memory_of(control.pid), "inconclusive"

        where = victim.hold(key, "ph.SecretBuffer")
        assert key.read_bytes() not in memory_of(victim.pid)
        for folder in ("fd", "map_files"):
            for path in Path(f"/proc/{victim.pid}/{folder}").iterdir():
                assert "secretmem" not in os.readlink(path) or folder == "map_files"
                if "secretmem" in os.readlink(path):
                    with pytest.raises(OSError, match="No such device"):
                        path.open("rb")
        assert {"lo", "dd"} <= set(flags_of(victim.pid, where))  # neither swapped nor dumped


def test_it_is_not_in_what_gcore_saves(programs: Path, key: Path, user_tmp: Path) -> None:
    """Of an unhardened process, with the rights of root."""
    gcore = support.find_tool("gcore")
    for kind in ("bytearray", "ph.SecretBuffer"):
        with Console(programs) as victim:
            victim.hold(key, kind)
            support.run([gcore, "-o", str(user_tmp / "core"), str(victim.pid)])
            core = user_tmp / f"core.{victim.pid}"
            assert core.exists(), "inconclusive: gcore made no core"
            assert (key.read_bytes() in core.read_bytes()) == (kind == "bytearray")
            core.unlink()


@pytest.mark.parametrize("rules", [(), (NO_MEMFD,)], ids=["memfd_secret", "mlock"])
def test_it_is_not_in_a_core_of_the_kernel(
    programs: Path, key: Path, cores: Cores, rules: tuple[str, ...]
) -> None:
    """Not the fallback either; the control's is."""
    for kind in ("bytearray", "ph.SecretBuffer"):
        with Console(programs, *starts.refusing(*rules)) as victim:
            victim.hold(key, kind)
            victim.end_by(signal.SIGABRT)
        core = cores.find(victim.pid)
        assert core, "inconclusive: no core"
        assert (key.read_bytes() in core) == (kind == "bytearray")


def test_the_fallback_says_so(programs: Path, key: Path) -> None:
    """Locked, and left out of cores; root reads it, and its user where it is not hardened."""
    with Console(programs, *starts.refusing(NO_MEMFD)) as victim:
        where = victim.hold(key, "ph.SecretBuffer")
        assert victim.do("secret.protection") == "'mlock'"
        assert key.read_text() in victim.attack("mem", where, SIZE)
        assert {"lo", "dd"} <= set(flags_of(victim.pid, where))
        victim.do("ph.harden()")
        assert key.read_text() not in victim.attack("mem", where, SIZE)


LIMIT = "import resource; resource.setrlimit(resource.RLIMIT_MEMLOCK, (PAGES * 4096,) * 2)"


def test_the_limit_of_locked_memory(programs: Path) -> None:
    """A clear error at the limit; what is there stays, and closing makes room."""
    with Console(programs) as victim:
        victim.do(LIMIT.replace("PAGES", "1"), "one = ph.SecretBuffer(b'one')")
        answer = victim.do("ph.SecretBuffer(b'two')")
        assert answer.startswith("SecretMemoryError: ")
        assert "ulimit -l" in answer
        assert victim.do("bytes(one)") == "b'one'"
        assert victim.do("one.close()", "bytes(ph.SecretBuffer(b'two'))") == "b'two'"


def test_more_than_the_machine_has() -> None:
    """Refused at once, also for root, whom no limit stops before the memory is used up."""
    with pytest.raises(ph.SecretMemoryError, match="Cannot allocate memory"):
        ph.SecretBuffer(1 << 50)


def test_neither_kind_of_memory(programs: Path) -> None:
    """Both calls are refused: an OSError with its number; a variable stays where it is."""
    env = {**os.environ, "TOKEN": "there"}
    rules = (NO_MEMFD, "mlock:1=4096:EPERM")
    with Console(programs, *starts.refusing(*rules), env=env) as victim:
        answer = victim.do("ph.SecretBuffer.from_env('TOKEN')")
        assert answer.startswith("SecretMemoryError: ")
        assert "Operation not permitted" in answer
        assert "there" not in answer
        assert victim.do("os.environ['TOKEN']") == "'there'"
        assert victim.do("ph.take_env('TOKEN')") == "'there'"


def test_fork_children_share_it_and_the_owner_ends_it(programs: Path) -> None:
    """What a child closes or loses stays with the parent; what the parent closes is zero."""
    with Console(programs) as victim:
        victim.do("secret = ph.SecretBuffer(b'secret')", "inside, outside = os.pipe()")
        child = "bytes(secret) == b'secret' and secret.close() is None and secret.closed"
        assert victim.do(f"os._exit(not ({child})) if os.fork() == 0 else os.wait()[1]") == "0"
        forget = "(globals().pop('secret'), os._exit(0)) if os.fork() == 0 else os.wait()[1]"
        assert victim.do(forget) == "0"
        assert victim.do("bytes(secret)") == "b'secret'"
        waiting = "os.read(inside, 1) and os._exit(bytes(secret) != bytes(6))"
        victim.do(f"pid = os.fork() or {waiting}", "secret.close()", "os.write(outside, b'x')")
        assert victim.do("os.waitpid(pid, 0)[1]") == "0"


def test_close_while_a_view_is_open_changes_nothing() -> None:
    """BufferError, and the bytes are there; afterwards it closes, once and more."""
    secret = ph.SecretBuffer(b"secret")
    view = memoryview(secret)
    part = view[2:]
    for _ in range(2):
        with pytest.raises(BufferError, match="a memoryview of the SecretBuffer is open"):
            secret.close()
    assert (bytes(part), secret.closed) == (b"cret", False)
    view.release()
    with pytest.raises(BufferError):
        secret.close()
    part.release()
    secret.close()
    secret.close()
    assert secret.closed
    for use in (bytes, memoryview, len):
        with pytest.raises(ValueError, match="the SecretBuffer is closed"):
            use(secret)


def test_the_end_of_a_block_closes_it() -> None:
    """With an exception, too."""
    with ph.SecretBuffer(b"secret") as secret:
        assert not secret.closed
    assert secret.closed
    with pytest.raises(KeyError), ph.SecretBuffer(b"secret") as secret:
        raise KeyError
    assert secret.closed


def test_it_is_used_without_a_copy(tmp_path: Path) -> None:
    """Read and written in place, by whatever takes a buffer."""
    path = tmp_path / "file"
    path.write_bytes(b"from a file")
    secret = ph.SecretBuffer(11)
    assert bytes(secret) == bytes(11)
    with path.open("rb", buffering=0) as file:
        assert file.readinto(secret) == 11
    with path.open("r+b", buffering=0) as file:
        file.write(secret)
        file.write(secret)
    assert path.read_bytes() == b"from a filefrom a file"
    assert hmac.digest(secret, b"x", "sha256") == hmac.digest(b"from a file", b"x", "sha256")
    assert hashlib.sha256(secret).digest() == hashlib.sha256(b"from a file").digest()
    with memoryview(secret) as view:
        assert (view.format, view.itemsize, view.shape, view.readonly) == ("B", 1, (11,), False)
        view[:4] = b"FROM"
    assert bytes(secret) == b"FROM a file"
    assert len(secret) == 11


@pytest.mark.parametrize("copied", [copy.copy, copy.deepcopy, pickle.dumps])
def test_it_is_neither_copied_nor_pickled(copied: object) -> None:
    """By no protocol."""
    assert callable(copied)
    with pytest.raises(TypeError, match="cannot be copied or pickled"):
        copied(ph.SecretBuffer(b"secret"))


def test_repr_shows_nothing() -> None:
    """Neither the bytes nor how many."""
    texts = {repr(ph.SecretBuffer(bytes(size))) for size in (0, 5, 5000)}
    assert texts == {"<SecretBuffer>"}
    assert f"{ph.SecretBuffer(b'secret')!s}" == "<SecretBuffer>"


@pytest.mark.parametrize("read", [int, float, complex])
def test_it_is_not_read_as_a_number(read: Callable[[object], object]) -> None:
    """The error of int() quotes what it cannot read; a bytearray is the control."""
    with pytest.raises((TypeError, ValueError)) as control:
        read(bytearray(b"sesame"))
    with pytest.raises(TypeError) as caught:
        read(ph.SecretBuffer(b"sesame"))
    assert "sesame" not in repr(caught.value)
    if read is not complex:
        assert "sesame" in repr(control.value)


@pytest.mark.parametrize("source", [b"bytes", bytearray(b"array"), memoryview(b"xviewx")[1:-1]])
def test_sources(source: bytes) -> None:
    """The bytes are copied, the original stays."""
    before = bytes(source)
    assert bytes(ph.SecretBuffer(source)) == before == bytes(source)


@pytest.mark.parametrize("source", ["text", None, [1], 1.5, memoryview(b"12345")[::2]])
def test_wrong_sources(source: object) -> None:
    """A TypeError before any memory is taken."""
    with pytest.raises(TypeError):
        ph.SecretBuffer(source)  # type: ignore[arg-type]


def test_no_negative_size() -> None:
    """A ValueError."""
    with pytest.raises(ValueError, match="must not be negative"):
        ph.SecretBuffer(-1)


def test_its_bytes_are_compared_in_constant_time_only() -> None:
    """As its documentation says: `==` compares no bytes."""
    secret = ph.SecretBuffer(b"key")
    for other in (b"key", ph.SecretBuffer(b"key")):
        assert hmac.compare_digest(secret, other)
        assert secret != other
    assert not hmac.compare_digest(secret, b"yek")
    assert "hmac.compare_digest(secret, other)" in (ph.SecretBuffer.__doc__ or "")


def test_it_takes_its_bytes_once() -> None:
    """A second __init__ does not leave the first bytes somewhere."""
    secret = ph.SecretBuffer(b"secret")
    with pytest.raises(ValueError, match="already has its bytes"):
        secret.__init__(b"other")  # type: ignore[misc]
    assert bytes(secret) == b"secret"


GET = {
    "take_env": "taken = ph.take_env('TOKEN')",
    "SecretBuffer": "ph.SecretBuffer.from_env('TOKEN')",
}
LEFT = "('TOKEN' in os.environ, b'TOKEN' in os.environb, libc.getenv(b'TOKEN'))"


@pytest.mark.parametrize("call", GET)
@pytest.mark.parametrize("late", [False, True], ids=["from the start", "set later"])
def test_a_variable_is_taken_from_everywhere(programs: Path, call: str, late: bool) -> None:
    """The initial block, environ, os.environ and children; pop() leaves it in the first."""
    token = secrets.token_hex(16)
    env = {**os.environ, "TOKEN": token, "AFTER": "1"}
    setting = f"os.environ['TOKEN'] = {token!r}" if late else "None"
    with Console(programs, env=env) as control, Console(programs, env=env) as victim:
        control.do(setting, "os.environ.pop('TOKEN')")
        assert token in control.attack("environ"), "inconclusive"
        victim.do(setting, GET[call])
        assert victim.do(LEFT) == "(False, False, 0)"
        environ = victim.attack("environ")
        assert token not in environ
        assert "TOKEN=" not in environ
        assert "AFTER=1" in environ
        assert victim.do("import subprocess", "'TOKEN' in subprocess.getoutput('env')") == "False"


def test_a_program_that_its_loader_was_told_to_start(programs: Path) -> None:
    """As `run` does with $ORIGIN: glibc's loader then says wrongly where the block ends."""
    with open(sys.executable, "rb") as file:
        image = read_image(file.fileno(), sys.executable)
    assert image
    assert image.interpreter
    env = {**os.environ, "TOKEN": "the-first", "LD_DEBUG_OUTPUT": "/none"}
    with Console(programs, image.interpreter, env=env) as victim:
        seen = "[word in open('/proc/self/environ').read() for word in ('the-first', 'LD_DEBUG_')]"
        assert victim.do(seen) == "[True, True]", "inconclusive"
        victim.do("os.environ['TOKEN'] = 'another'")
        assert victim.do("ph.take_env('TOKEN')") == "'another'"
        harden = "ph.harden(ph.Policy(inspection=False)).environment"  # it reads itself then
        assert victim.do(harden, seen) == "[False, False]"


def test_a_view_of_a_variable_that_is_kept_shows_zeroes(programs: Path) -> None:
    """Whoever it was given to: it is of a copy, which is wiped with all others."""
    with Console(programs, env={**os.environ, "TOKEN": "there"}) as victim:
        take = "from process_hardening import secrets; views = []"
        keep = "lambda view: views.append(memoryview(view)) or bytes(view)"
        assert victim.do(take, f"secrets._take('TOKEN', {keep})") == "b'there'"
        assert victim.do("bytes(views[0])") == repr(bytes(5))


def test_no_copy_of_a_variable_is_left(programs: Path) -> None:
    """SecretBuffer.from_env() leaves none in all that root reads; pop() leaves several."""
    support.require_root()
    token = secrets.token_hex(2000)  # long: of memory that is free, the ends are soon used again
    part = token[1000:1032].encode()
    env = {**os.environ, "TOKEN": token}
    with Console(programs, env=env) as control, Console(programs, env=env) as victim:
        control.do("os.environ.pop('TOKEN') and None")
        assert part in memory_of(control.pid), "inconclusive"
        assert victim.do("secret = ph.SecretBuffer.from_env('TOKEN')", "len(secret)") == "4000"
        assert part not in memory_of(victim.pid)
        assert victim.do("bytes(secret).decode()") == repr(token)


PYTHONS = "id(os.environ._data[b'TOKEN']) + bytes.__basicsize__"
SETENVS = "libc.getenv(b'TOKEN')"


@pytest.mark.parametrize("place", [PYTHONS, SETENVS], ids=["os.environ", "setenv"])
def test_the_copies_of_a_later_variable_are_zeroed(programs: Path, place: str) -> None:
    """What os.environ holds and what setenv(3) made: seen where they lay, at once."""
    token = secrets.token_hex(2000)
    part = token[1000:1032].encode()
    prepare = (
        "import ctypes",
        "libc.getenv.restype = ctypes.c_void_p",
        f"os.environ['TOKEN'] = {token!r}",
        f"place = {place} + 1000",
    )
    look = "ctypes.string_at(place - 1, 40)"
    with Console(programs) as control, Console(programs) as victim:
        found = control.do(*prepare, f"(os.environ.__delitem__('TOKEN'), {look})[1]")
        assert part.decode() in found, "inconclusive"
        found = victim.do(*prepare, f"(ph.SecretBuffer.from_env('TOKEN'), {look})[1]")
        assert part.decode() not in found


def test_a_str_stays_in_memory(programs: Path) -> None:
    """What the documentation says of take_env() is so."""
    support.require_root()
    token = secrets.token_hex(16)
    with Console(programs, env={**os.environ, "TOKEN": token}) as victim:
        victim.do("taken = ph.take_env('TOKEN')")
        assert token.encode() in memory_of(victim.pid)


@pytest.mark.parametrize("call", ["ph.take_env", "ph.SecretBuffer.from_env"])
def test_a_variable_that_is_not_there(programs: Path, call: str) -> None:
    """A KeyError that names it; also for the second time, and for the longer name beside it."""
    env = {**os.environ, "TOKEN": "1", "TOKEN_2": "2"}
    with Console(programs, env=env) as victim:
        assert victim.do(f"{call}('TOKE')").startswith("MissingVariableError: TOKE: not in the env")
        victim.do(f"{call}('TOKEN')")
        assert victim.do(f"{call}('TOKEN')").startswith("MissingVariableError: TOKEN: ")
        assert victim.do("os.environ['TOKEN_2'], ph.MissingVariableError.__mro__[1]") == repr(
            ("2", KeyError)
        )


def test_a_variable_that_was_deleted_is_wiped_all_the_same(programs: Path) -> None:
    """There is no value to return, but the block has it still."""
    env = {**os.environ, "TOKEN": "a-secret"}
    with Console(programs, env=env) as victim:
        victim.do("os.environ.pop('TOKEN')")
        assert "a-secret" in victim.attack("environ"), "inconclusive"
        assert victim.do("ph.take_env('TOKEN')").startswith("MissingVariableError")
        assert "a-secret" not in victim.attack("environ")


NAMES = ["", "A=B", "A\0B", "A*", 5, None, b"A"]


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("call", [ph.take_env, ph.SecretBuffer.from_env], ids=["str", "buffer"])
def test_what_is_no_name(call: object, name: str) -> None:
    """A ValueError or a TypeError; a pattern would take more than one."""
    assert callable(call)
    with pytest.raises(TypeError if not isinstance(name, str) else ValueError):
        call(name)


def entries(*more: bytes) -> dict[bytes, bytes]:
    """The environment of these tests and entries that a mapping can hold."""
    return {**os.environb, **dict(entry.split(b"=", 1) for entry in more)}


def test_a_value_that_is_no_text(programs: Path) -> None:
    """A str as os.environ has it, or the very bytes; also empty ones."""
    env = entries(b"RAW=\xff\xfe", b"RAW2=\xff\xfe", b"EMPTY=", b"EMPTY2=")
    with Console(programs, env=env) as victim:
        assert victim.do("ph.take_env('RAW')") == repr("\udcff\udcfe")
        assert victim.do("bytes(ph.SecretBuffer.from_env('RAW2'))") == repr(b"\xff\xfe")
        assert victim.do("ph.take_env('EMPTY')") == "''"
        assert victim.do("bytes(ph.SecretBuffer.from_env('EMPTY2'))") == "b''"
        assert (
            victim.do("[name for name in os.environ if 'RAW' in name or 'EMPTY' in name]") == "[]"
        )


@pytest.mark.parametrize("call", ["ph.take_env", "ph.SecretBuffer.from_env"])
def test_nothing_of_a_long_value_remains(programs: Path, call: str) -> None:
    """Neither its bytes nor others: every string of the block is a variable's."""
    env = entries(b"TOKEN=" + b"x" * 10_000)
    with Console(programs, env=env) as victim:
        assert "xxx" in victim.attack("environ"), "inconclusive"
        victim.do(f"{call}('TOKEN')")
        block = "open('/proc/self/environ', 'rb').read().split(b'\\0')"
        left = victim.do(f"[text for text in {block} if text and b'=' not in text]")
        assert left == "[]"
        assert "TOKEN" not in victim.do(block)


def test_several_of_one_name(programs: Path) -> None:
    """The first, which getenv(3) finds, is returned; all are wiped."""
    run = "import ctypes, os\n"
    run += f"python, program = {sys.executable!r}, {str(programs / 'console.py')!r}\n"
    run += "argv = (os.fsencode(python), os.fsencode(program))\n"
    run += "extra = (b'TOKEN=the-first', b'A=1', b'TOKEN=the-second')\n"
    run += "env = (*(k + b'=' + v for k, v in os.environb.items()), *extra)\n"
    run += "array = lambda words: (ctypes.c_char_p * (len(words) + 1))(*words)\n"
    run += "ctypes.CDLL(None).execve(argv[0], array(argv), array(env))"
    with support.Running([sys.executable, "-c", run]) as victim:
        block = "open('/proc/self/environ', 'rb').read()"
        seen = f"[part in {block} for part in (b'the-first', b'the-second')]"
        assert victim.ask(seen) == "[True, True]", "inconclusive"
        assert victim.ask("ph.take_env('TOKEN')") == "'the-first'"
        assert victim.ask(seen) == "[False, False]"
        assert victim.ask("ph.take_env('TOKEN')").startswith("MissingVariableError")


def test_an_initial_block_that_cannot_be_found(programs: Path) -> None:
    """Without /proc nothing could be wiped: HardeningError, and the variable stays."""
    support.require_root()
    env = {**os.environ, "TOKEN": "there"}
    with Console(programs, env=env, user=0, group=0) as victim:
        victim.do(
            "import tempfile", "ph.take_env, ph.HardeningError", "os.chroot(tempfile.mkdtemp())"
        )
        answer = victim.do("ph.take_env('TOKEN')")
        assert answer.startswith("HardeningError: reading /proc/self/stat failed")
        assert victim.do("os.environ['TOKEN']") == "'there'"


RECIPES = {
    "a file": "open({key!r}, 'rb', buffering=0).readinto(secret)",
    "a socket": "ours.recv_into(secret)",
    "hmac": "(os.readv(os.open({key!r}, 0), [secret]), hmac.digest(secret, b'text', 'sha256'))",
    "send": (
        "(os.readv(os.open({key!r}, 0), [secret]), ours.send(secret), theirs.recv_into(secret))"
    ),
}
"""What docs/lasting.md says to do; Console's lines, with a SecretBuffer named secret."""


@pytest.mark.parametrize("recipe", RECIPES.values(), ids=RECIPES)
def test_a_documented_recipe_leaves_no_copy(programs: Path, key: Path, recipe: str) -> None:
    """Root finds the secret nowhere in the memory; after a buffered read, the control, it does."""
    support.require_root()
    prepare = (
        "import hmac, socket",
        f"secret = ph.SecretBuffer({SIZE}, require='memfd_secret')",
        "ours, theirs = socket.socketpair()",
        f"file = os.open({str(key)!r}, 0)",
        f"os.sendfile(theirs.fileno(), file, 0, {SIZE})" if "ours.recv_into" in recipe else "0",
    )
    with Console(programs) as control, Console(programs) as victim:
        control.do(*prepare, f"f = open({str(key)!r}, 'rb')", "f.readinto(secret)")
        assert key.read_bytes() in memory_of(control.pid), "inconclusive"
        assert "Error" not in victim.do(*prepare, recipe.format(key=str(key)))
        assert victim.do("bytes(bytearray(secret)[::-1])[::-1] != bytes(len(secret))") == "True"
    with Console(programs) as victim:
        assert "Error" not in victim.do(*prepare, recipe.format(key=str(key)))
        assert key.read_bytes() not in memory_of(victim.pid)


@pytest.mark.parametrize("call", ["ph.SecretBuffer(1)", "ph.SecretBuffer.from_env('TOKEN')"])
def test_too_many_open_files_are_no_reason_for_less(programs: Path, call: str) -> None:
    """Another process can lower RLIMIT_NOFILE of this one: no fallback to what root can read."""
    with Console(programs, env={**os.environ, "TOKEN": "x"}) as victim:
        assert victim.do(f"{call}.protection") == "'memfd_secret'"
    with Console(programs, env={**os.environ, "TOKEN": "x"}) as victim:
        victim.do("ph.SecretBuffer, ph.SecretBuffer.from_env")  # loaded before
        limit = ["prlimit", "--pid", str(victim.pid), "--nofile=3"]
        assert support.run_as_user(limit).returncode == 0
        answer = victim.do(call)
        assert "Error: " in answer
        assert "Too many open files" in answer


def test_a_kind_that_is_required(programs: Path) -> None:
    """memfd_secret or nothing; mlock even where memfd_secret is there."""
    assert ph.SecretBuffer(1, require="mlock").protection == "mlock"
    with pytest.raises(ValueError, match="require must be"):
        ph.SecretBuffer(1, require="memfd")  # type: ignore[arg-type]
    with Console(programs, *starts.refusing(NO_MEMFD)) as victim:
        assert victim.do("ph.SecretBuffer(1).protection") == "'mlock'"
        answer = victim.do("ph.SecretBuffer(1, require='memfd_secret')")
        assert answer.startswith("SecretMemoryError: ")


def test_a_filter_cannot_pass_a_file_off_for_secret_memory(tmp_path: Path) -> None:
    """memfd_secret that is answered 0, which is standard input: the file stays as it is."""
    path = tmp_path / "input"
    path.write_bytes(b"x" * 10)
    code = "import process_hardening as ph; ph.SecretBuffer(4096)"
    lie = starts.refusing(f"memfd_secret:0={os.O_CLOEXEC}:0")
    with path.open("r+b") as file:
        ended = support.run([*lie, sys.executable, "-c", code], stdin=file)
    assert "SecretMemoryError" in ended.stderr
    assert path.read_bytes() == b"x" * 10


def test_another_interpreter_keeps_its_own_copy(programs: Path) -> None:
    """docs/lasting.md says that take_env() does not reach it: so it is."""
    with Console(programs, env={**os.environ, "TOKEN": "there"}) as victim:
        found = victim.do("import _xxsubinterpreters as others", "others.create")
        if "Error" in found:
            support.fail_or_skip("the interpreters of Python 3.9 to 3.12")
        victim.do("other = others.create()", "others.run_string(other, 'import os')")
        assert victim.do("ph.take_env('TOKEN')") == "'there'"
        look = 'others.run_string(other, \'assert os.environ["TOKEN"] == "there"\')'
        assert victim.do(look) == "None"
        look = "others.run_string(others.create(), 'import os; os.environ[\"TOKEN\"]')"
        assert "KeyError" in victim.do(look)  # one that starts later has none


def test_a_variable_in_read_only_memory(programs: Path, user_tmp: Path) -> None:
    """putenv() of a literal: an error instead of a crash, and nothing has changed."""
    source = user_tmp / "literal.c"
    source.write_text('#include <stdlib.h>\nint put(void) { return putenv("LIT=value"); }\n')
    library = user_tmp / "literal.so"
    build = [support.find_tool("cc"), "-shared", "-fPIC", str(source), "-o", str(library)]
    assert support.run(build).returncode == 0
    with Console(programs) as victim:
        assert victim.do("import ctypes", f"ctypes.CDLL({str(library)!r}).put()") == "0"
        answer = victim.do("ph.take_env('LIT')")
        assert answer.startswith("HardeningError: ")
        assert "(EFAULT)" in answer
        assert (
            victim.do("libc.getenv.restype = ctypes.c_char_p", "libc.getenv(b'LIT')") == "b'value'"
        )
        assert victim.do("os.environ['OWN'] = 'own'", "ph.take_env('OWN')") == "'own'"


@pytest.mark.parametrize("call", ["ph.take_env", "ph.SecretBuffer.from_env"])
def test_a_system_without_environb(programs: Path, call: str) -> None:
    """Windows: the documented error, and nothing has changed."""
    with Console(programs, env={**os.environ, "TOKEN": "1"}) as victim:
        victim.do("del os.environb")
        assert victim.do(f"{call}('TOKEN')").startswith("HardeningError: variables cannot be wiped")
        assert victim.do("os.environ['TOKEN']") == "'1'"
