"""Huge pages for the memory that a worker allocates, where the system allows them."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping

from hfbench_nb.protocol.errors import IsolationError
from hfbench_nb.results.environment import huge_pages_setting

# https://sourceware.org/glibc/manual/latest/html_node/Memory-Allocation-Tunables.html, since version 2.35
_VARIABLE, _TUNABLE = "GLIBC_TUNABLES", "glibc.malloc.hugetlb=1"
_FIRST_VERSION = (2, 35)


def check_huge_pages() -> None:
    """Raise unless a worker can ask for huge pages here.

    Raises
    ------
    IsolationError
        If it cannot; the message says why.
    """
    setting = huge_pages_setting()
    if setting is None:
        raise IsolationError("huge_pages=True cannot be used: they can be asked for only on Linux")
    if setting == "never":
        raise IsolationError(
            "huge_pages=True cannot be used: the kernel's setting is never; an administrator can write madvise to "
            "/sys/kernel/mm/transparent_hugepage/enabled"
        )
    version = _glibc_version()
    if setting == "madvise" and version < _FIRST_VERSION:
        raise IsolationError(
            "huge_pages=True cannot be used: the kernel gives them to processes that ask, which needs glibc 2.35, and "
            f"this machine has {'.'.join(map(str, version)) or 'another C library'}"
        )


def with_huge_pages(variables: Mapping[str, str]) -> dict[str, str]:
    """Return environment variables by which glibc asks for huge pages, from the start of a process on."""
    given = [tunable for tunable in variables.get(_VARIABLE, "").split(":") if tunable]
    others = [tunable for tunable in given if not tunable.startswith("glibc.malloc.hugetlb=")]
    return {**variables, _VARIABLE: ":".join([*others, _TUNABLE])}


def _glibc_version() -> tuple[int, ...]:
    if sys.platform != "linux":
        return ()
    try:
        name, _, version = (os.confstr("CS_GNU_LIBC_VERSION") or "").partition(" ")
        return tuple(map(int, version.split("."))) if name == "glibc" else ()
    except (ValueError, OSError):
        return ()
