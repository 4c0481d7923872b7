"""Writing files that are there whole or not at all."""

from __future__ import annotations

import contextlib
import os
import threading
from pathlib import Path


def replace_file(path: Path, data: bytes) -> None:
    """Write a file, on disk when this returns; until then, and after a failure, it is as it was before.

    Parameters
    ----------
    path
        The file; where it is a link, what it points to.
    data
        What the file will hold.

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
