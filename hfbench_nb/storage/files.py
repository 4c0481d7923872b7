"""Writing files atomically: completely or not at all."""

from __future__ import annotations

import contextlib
import os
import threading
from pathlib import Path


def replace_file(path: Path, data: bytes) -> None:
    """Replace a file atomically: it is on disk when this returns, and unchanged until then or after a failure.

    Parameters
    ----------
    path
        The file; if it is a link, the file that it points to is replaced.
    data
        The new content of the file.

    Raises
    ------
    OSError
        If it cannot be written.
    """
    path = Path(os.path.realpath(path))
    part = path.with_name(f".hfbench-{os.getpid()}-{threading.get_ident()}.part")
    try:
        with open(part, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.replace(part, path)
    except BaseException:
        with contextlib.suppress(OSError):
            part.unlink()
        raise
