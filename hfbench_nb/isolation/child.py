"""A forked process that measures: what sets it apart from the server that it comes from.

Standard library only.
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys
from pathlib import Path

from hfbench_nb.isolation import pages

_PR_SET_PDEATHSIG = 1


def become_child(server: int, file_pages: list[int]) -> None:
    """Turn a freshly forked process into one that may be killed without harm to anyone else."""
    os.setsid()
    # A cell that is too large must cost a row and not the notebook: the kernel takes this process first.
    try:
        Path("/proc/self/oom_score_adj").write_text("1000")
    except OSError:
        pass  # not Linux, or not allowed: the cell runs all the same
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != server:
            os._exit(1)
    pages.touch(file_pages)


def kill_group(pid: int) -> None:
    """Kill the processes that a child has started, and the child."""
    try:
        os.killpg(pid, signal.SIGKILL)
    except (ProcessLookupError, PermissionError):
        pass  # the process had no group of its own yet, or nobody is left in it
