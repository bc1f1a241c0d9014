"""The operating system's lock on a file: it ends with the process that holds it, however that ends,
so a killed program leaves nothing to clean up.

The file may say who holds it. Windows lets nobody read a locked byte, so the lock lies behind
what can be written there.
"""

from __future__ import annotations

import errno
import sys
from typing import Any

_BEYOND_TEXT = 1 << 20
_HELD = (errno.EACCES, errno.EAGAIN, errno.EDEADLK)


def try_lock(file: Any) -> bool:
    """file: open for reading and writing. False: another one holds it, this process included.

    Raises OSError where the file system knows no locks.
    """
    try:
        _lock(file)
    except OSError as error:
        if error.errno in _HELD:
            return False
        raise
    return True


if sys.platform == "win32":
    import msvcrt

    def _lock(file: Any) -> None:
        file.seek(_BEYOND_TEXT)
        msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)

    def unlock(file: Any) -> None:
        """Lets go of a lock that this file holds."""
        file.seek(_BEYOND_TEXT)
        msvcrt.locking(file.fileno(), msvcrt.LK_UNLCK, 1)

else:
    import fcntl

    def _lock(file: Any) -> None:
        fcntl.flock(file.fileno(), fcntl.LOCK_EX | fcntl.LOCK_NB)

    def unlock(file: Any) -> None:
        """Lets go of a lock that this file holds."""
        fcntl.flock(file.fileno(), fcntl.LOCK_UN)
