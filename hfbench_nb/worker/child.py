"""A forked worker: what distinguishes it from the worker server that forks it.

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


def become_child(server: int, file_pages: list[pages.Span]) -> None:
    """Turn a freshly forked process into one that can be killed without affecting others."""
    os.setsid()
    # A case that is too large must cost a row and not the notebook: the kernel kills this process first.
    try:
        Path("/proc/self/oom_score_adj").write_text("1000")
    except OSError:
        pass  # not Linux, or not allowed: the case runs anyway
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != server:
            os._exit(1)
    pages.touch(file_pages)


def kill_group(pid: int) -> None:
    """Kill a child and the processes that it has started."""
    try:
        os.killpg(pid, signal.SIGKILL)
    except (ProcessLookupError, PermissionError):
        pass  # the process has no group of its own yet, or the group is empty


def adopt_orphans() -> None:
    """Adopt descendants of this process that lose their parent, where the system supports it."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 1)


def kill_children(spared: set[int]) -> None:
    """Kill the children of this process except those spared, and the orphans adopted as a result; Linux only."""
    while children := _children() - spared:
        for pid in children:
            try:
                os.kill(pid, signal.SIGKILL)
                os.waitpid(pid, 0)
            except PermissionError:
                spared = spared | {pid}  # it now runs as another user


def _children() -> set[int]:
    try:
        return {int(pid) for pid in _CHILDREN.read_text().split()}
    except OSError:
        return set()  # not Linux, or a kernel without this list


def open_pidfd(pid: int) -> int | None:
    """Return a descriptor that becomes readable when a process ends; None where the system has none."""
    try:
        return os.pidfd_open(pid)
    except (AttributeError, OSError):
        return None  # the end of the requests suffices, unless the notebook left forked children behind
