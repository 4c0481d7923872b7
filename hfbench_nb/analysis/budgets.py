"""How much memory there is: of well-known accelerators, of this machine, or as given."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from hfbench_nb.analysis.published import published
from hfbench_nb.arguments import checks
from hfbench_nb.protocol.errors import ArgumentError, shown, wrong_value
from hfbench_nb.protocol.measurement import MEGABYTE
from hfbench_nb.rendering.suggestions import did_you_mean
from hfbench_nb.rendering.units import format_memory

THIS = "this"
YES, CLOSE, NO = "yes", "close", "no"
# What a process needs besides the tensors: interpreter, framework and, on a GPU, its context; and, as a share of the
# tensors, workspaces of libraries, packed weights and what the allocator cannot use.
PROCESS_MB = 700.0
SHARE_OUTSIDE = 0.15


@dataclass(frozen=True)
class Budget:
    """An amount of memory that cases should fit into.

    Attributes
    ----------
    name
        Whose memory it is.
    mb
        How much, MB of 2^20 bytes.
    """

    name: str
    mb: float

    def __str__(self) -> str:
        size = format_memory(self.mb)
        return f"{self.name} ({size})" if self.name else size

    def fits(self, tensors_mb: float) -> str:
        """Return whether a case fits whose tensors take so much: ``yes``, ``no``, or ``close``.

        ``no`` if the tensors alone are too large; ``close`` if what is outside the tensors, of which no more is known
        than what is usual, may be too large.
        """
        if tensors_mb > self.mb:
            return NO
        return YES if tensors_mb * (1 + SHARE_OUTSIDE) + PROCESS_MB <= self.mb else CLOSE


def accelerators() -> dict[str, float]:
    """Return the memory of well-known accelerators by name, in MB: what their makers publish, counted in 10^9 bytes.

    Drivers report a little more or less, depending on error correction.
    """
    return {name: each["memory_gb"] * 1e9 / MEGABYTE for name, each in published().items()}


def check_budget(budget_mb: object, device: object, parameter: str = "device") -> None:
    """Raise unless two arguments name at most one budget.

    Parameters
    ----------
    budget_mb, device
        See `find_budget`.
    parameter
        What the user knows `device` by.

    Raises
    ------
    ArgumentError
        If a value cannot be used, or both are given.
    """
    if budget_mb is not None and device is not None:
        raise ArgumentError(
            f"budget_mb={shown(budget_mb)} and {parameter}={shown(device)} contradict each other: give only one of "
            "them.",
            "budget_mb",
            parameter,
        )
    if budget_mb is not None:
        checks.number("budget_mb", budget_mb, above=0, below=math.inf)
    known = [*accelerators()]
    is_known = isinstance(device, str) and (device == THIS or device.lower() in map(str.lower, known))
    if device is not None and not is_known:
        hint = did_you_mean(device, known, most=3) if isinstance(device, str) else ""
        allowed = f"{THIS!r} or one of {', '.join(known)}; budget_mb takes any amount"
        raise wrong_value(parameter, device, allowed, hint)


def find_budget(budget_mb: float | None, device: str | None, machine: Callable[[], Mapping[str, Any]]) -> Budget | None:
    """Return the budget that two arguments name; None if they name none.

    Parameters
    ----------
    budget_mb
        How much memory there is, MB; or None.
    device
        A well-known accelerator, ``this`` for this machine, or None.
    machine
        Returns facts about this machine; called only where they are needed.

    Raises
    ------
    ArgumentError
        If a value cannot be used, or both are given.
    """
    check_budget(budget_mb, device)
    if budget_mb is not None:
        return Budget("", float(budget_mb))
    if device is None:
        return None
    if device == THIS:
        return memory_of(machine())
    name = next(name for name in accelerators() if name.lower() == device.lower())
    return Budget(name, accelerators()[name])


def memory_of(machine: Mapping[str, Any]) -> Budget:
    """Return the memory of a machine: of its GPU if it is measured on, else of the container or the machine itself.

    Raises
    ------
    ArgumentError
        If it is not known.
    """
    if machine.get("use_gpu") and machine.get("gpu_ram_mb"):
        return Budget(str(machine["gpu"]), float(machine["gpu_ram_mb"]))
    limits = [limit for name in ("container_ram_limit_mb", "cpu_ram_mb") if (limit := machine.get(name))]
    if not limits:
        raise ArgumentError("How much memory this machine has is not known: give the amount in MB.")
    return Budget("this machine", float(min(limits)))
