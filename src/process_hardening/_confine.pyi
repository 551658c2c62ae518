# native/confine/module.c

REFUSES_SIGNALS: int
COVERS_THREADS: int

def landlock_version() -> int | tuple[int, str]: ...
def confine(probe: int, refuse_signals: bool, all_threads: bool, /) -> tuple[int, str] | None: ...
