"""The Python files that TensorFlow generates in the temporary folder, one per function of a graph."""

from __future__ import annotations

import contextlib
import linecache
import sys
from pathlib import Path
from typing import Any

from tensorflow.python.autograph.pyct import loader

_load_source = loader.load_source


def leave_no_sources() -> None:
    """Make TensorFlow remove each file once it is loaded.

    It would do so when the interpreter exits, which a worker never does: it is killed, or ends without clean-up.
    """
    loader.load_source = _load_and_remove


def _load_and_remove(source: str, delete_on_exit: bool) -> tuple[Any, str]:
    before, sys.dont_write_bytecode = sys.dont_write_bytecode, True
    try:
        module, path = _load_source(source, delete_on_exit)
    finally:
        sys.dont_write_bytecode = before
    # Tracebacks still quote its lines.
    linecache.cache[path] = (len(source), None, source.splitlines(keepends=True), path)
    with contextlib.suppress(OSError):
        Path(path).unlink()
    return module, path
