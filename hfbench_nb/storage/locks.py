"""Locks between runs, held through an open file, so that the system releases them when their holder dies."""

from __future__ import annotations

import contextlib
import os
import sys
from pathlib import Path

if sys.platform != "win32":
    import fcntl


class Lock:
    """An exclusive lock on a file or a folder, between threads and between processes.

    The file is opened for reading only, so that all users of the machine can take the lock. Where locking is not
    possible (Windows, an inaccessible folder, some network file systems), taking the lock always succeeds.

    Parameters
    ----------
    path
        A folder or a file; a file is created if it does not exist.
    """

    def __init__(self, path: Path) -> None:
        self._fd: int | None = None
        if sys.platform != "win32":
            with contextlib.suppress(OSError):
                self._fd = _open(path)

    def take(self) -> bool:
        """Take the lock if it is free; return whether it was."""
        if sys.platform == "win32" or self._fd is None:
            return True
        try:
            fcntl.flock(self._fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        except OSError:
            pass  # a file system without locks
        return True

    def close(self) -> None:
        """Release the lock."""
        if sys.platform != "win32" and self._fd is not None:
            with contextlib.suppress(OSError):
                # A process forked in the meantime has the file open too: closing it here would not release the lock.
                fcntl.flock(self._fd, fcntl.LOCK_UN)
            os.close(self._fd)
            self._fd = None

    def holder(self) -> int | None:
        """Return the id of the process that holds the lock; None if the system does not report it."""
        if self._fd is None:
            return None
        inode = os.fstat(self._fd).st_ino
        with contextlib.suppress(OSError, ValueError), open("/proc/locks", encoding="ascii") as lines:
            for line in lines:  # "1: FLOCK ADVISORY WRITE 4711 08:01:123456 0 EOF"; waiting ones have an arrow
                fields = line.split()
                if fields[1] == "FLOCK" and int(fields[5].rpartition(":")[2]) == inode:
                    return int(fields[4])
        return None


def _open(path: Path) -> int:
    # Follow no link and never block: every user can write to the temporary folder.
    flags = os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK
    try:
        return os.open(path, flags)
    except FileNotFoundError:
        pass
    try:
        fd = os.open(path, flags | os.O_CREAT | os.O_EXCL, 0o644)
    except FileExistsError:  # another run was faster
        return os.open(path, flags)
    os.fchmod(fd, 0o644)  # regardless of the umask: other users must be able to open it
    return fd
