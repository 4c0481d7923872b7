"""A forked process that measures: what sets it apart from the server that it comes from.

Standard library only.
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys
from pathlib import Path

from hfbench_nb.worker import pages

_PR_SET_PDEATHSIG = 1
_PR_SET_CHILD_SUBREAPER = 36
_CHILDREN = Path("/proc/thread-self/children")


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


def adopt_orphans() -> None:
    """Let processes that lose their parent below this one become its children, where the system can do that."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 1)


def kill_children(spared: set[int]) -> None:
    """Kill the children of this process but for those spared, and those that come to it thereby; Linux only."""
    while children := _children() - spared:
        for pid in children:
            try:
                os.kill(pid, signal.SIGKILL)
                os.waitpid(pid, 0)
            except PermissionError:
                spared = spared | {pid}  # it has become another user


def _children() -> set[int]:
    try:
        return {int(pid) for pid in _CHILDREN.read_text().split()}
    except OSError:
        return set()  # not Linux, or a kernel without this list
