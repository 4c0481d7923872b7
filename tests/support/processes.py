"""Processes: whether they run, and scripts in interpreters of their own."""

from __future__ import annotations

import subprocess
import sys
import textwrap
import time
from collections.abc import Callable, Sequence
from typing import Any

import psutil

from support.places import TESTS


def runs(pid: int) -> bool:
    """Tell whether a process runs: one that has ended may stay listed until its parent takes note."""
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def wait_until(condition: Callable[[], bool], seconds: float = 5.0) -> bool:
    """Wait for a condition, for so long at most; tell whether it came true."""
    deadline = time.monotonic() + seconds
    while not (has_come_true := condition()) and time.monotonic() < deadline:
        time.sleep(0.02)
    return has_come_true  # not asked again: it may be true for a moment only


def run_script(code: str, *arguments: Any, through: Sequence[str] = (), **options: Any) -> subprocess.CompletedProcess:
    """Run code in an interpreter of its own, beside the tests; `through` is a command that starts the interpreter."""
    return subprocess.run(
        [*through, sys.executable, "-c", textwrap.dedent(code), *map(str, arguments)],
        capture_output=True, text=True, timeout=120, cwd=TESTS, **options,
    )  # fmt: skip
