"""Found by PYTHONPATH at the start of Python: keeps its process from reading others."""

import os

_open = os.open


def refusing_open(path, *rest, **options):  # type: ignore[no-untyped-def]
    """Refuse memory files."""
    if str(path).endswith("/mem"):
        raise PermissionError(13, "Permission denied", path)
    return _open(path, *rest, **options)


os.open = refusing_open
