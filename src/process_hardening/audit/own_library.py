"""Recognizes the library of process-hardening, wherever it is."""

from __future__ import annotations

from process_hardening.audit.posture import has_our_name
from process_hardening.audit.procfs import decode, unescape_path

TYPE_CHECKING = False  # importing typing would take as long as starting Python
if TYPE_CHECKING:
    from process_hardening.audit.deputy import Deputy
    from process_hardening.audit.mapped import Mapped


def is_ours(path: bytes, process: Mapped, deputy: Deputy) -> bool:
    """Return whether a file that a process has mapped, or could map, is our library.

    It is the file of this installation itself, or has its bytes. The path proves nothing: a user
    can put any file under any path, in a mount namespace of the user's own. A file that is not
    mapped counts only if the process cannot have loaded another one under its path.

    Raises OSError or NoAnswerError if it cannot be read.
    """
    if not has_our_name(decode(path)):
        return False
    plain = decode(unescape_path(path))
    identities = {file for file, mapped in process.code if mapped == path}
    if not identities:
        return process.has_only_itself and deputy.is_ours_on_disk(process.folder, plain, None)
    ranges = process.find_code(path)
    if not ranges:
        return False
    try:
        return deputy.is_ours(process.folder, ranges)
    except PermissionError:
        # Without CAP_SYS_ADMIN or CAP_CHECKPOINT_RESTORE: the file under this path, if it is the
        # mapped one.
        if len(identities) > 1:
            return False
        (identity,) = identities
        return deputy.is_ours_on_disk(process.folder, plain, decode(identity))
