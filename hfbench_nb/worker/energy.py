"""The energy that a call takes, where the hardware tells it.  Standard library only.

NVIDIA's driver counts what a GPU has taken since it was loaded (``nvmlDeviceGetTotalEnergyConsumption``, from Volta
on), Linux what the processor packages have (RAPL, ``/sys/class/powercap``).  Both count all that runs there, and are
renewed a few times per second: calls are made one after the other for a while, and share what was counted meanwhile.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

# The counters are renewed every 20 to 100 ms: over this time, that is an error of a few percent.
SPAN_S = 1.0
RAPL = Path("/sys/class/powercap")


class EnergyCounter(Protocol):
    """Counts the energy of a device."""

    def joules(self) -> float:
        """Return the energy that was taken so far, joules."""
        ...


class NoEnergyCounterError(Exception):
    """The hardware does not tell what energy it takes, or not to this user; the message says why."""


@dataclass(frozen=True)
class _Package:
    """One processor package, whose counter wraps around at its range."""

    path: Path
    range_uj: int

    def read_uj(self) -> int:
        """Return the counter, microjoules."""
        return int((self.path / "energy_uj").read_text())


class RaplCounter:
    """The energy of all processor packages of this machine, by Linux.

    Raises
    ------
    NoEnergyCounterError
        If there is no counter, or this user must not read it.
    """

    def __init__(self, folder: Path = RAPL) -> None:
        try:
            # Domains within a package have a second number: their energy is part of the package's.
            self._packages = [
                _Package(path, int((path / "max_energy_range_uj").read_text()))
                for path in sorted(folder.glob("*-rapl:*"))
                if path.name.count(":") == 1
            ]
            self._last = [package.read_uj() for package in self._packages]
        except PermissionError as error:
            raise NoEnergyCounterError(
                f"only root may read the processor's energy counter ({error.filename})"
            ) from None
        except (OSError, ValueError) as error:
            raise NoEnergyCounterError(f"the processor's energy counter cannot be read: {error}") from None
        if not self._packages:
            raise NoEnergyCounterError(f"this machine shows no energy counter of its processor (RAPL, {folder})")
        self._taken_uj = 0

    def joules(self) -> float:
        """Return the energy that was taken since the counter was opened, joules."""
        for number, package in enumerate(self._packages):
            now = package.read_uj()
            self._taken_uj += (now - self._last[number]) % (package.range_uj + 1)
            self._last[number] = now
        return self._taken_uj / 1e6


def counter_of(nvml: EnergyCounter | None, device: str) -> EnergyCounter:
    """Return the energy counter of a device.

    Parameters
    ----------
    nvml
        The device as seen by NVIDIA's driver; None for another.
    device
        Its name, such as ``cpu`` or ``cuda:0``.

    Raises
    ------
    NoEnergyCounterError
        If it has none.
    """
    if nvml is not None:
        return nvml
    if device != "cpu":
        raise NoEnergyCounterError(f"{device} does not report its energy")
    return RaplCounter()


def energy_of(make_calls: Callable[[int], object], call_s: float, counter: EnergyCounter) -> float:
    """Return the energy of a call, joules.

    Parameters
    ----------
    make_calls
        Makes a number of calls, and returns once their work is done.
    call_s
        About how long a call takes, seconds.
    counter
        Counts the energy of the device.

    Raises
    ------
    NoEnergyCounterError
        If the counter did not move.
    """
    calls = max(1, math.ceil(SPAN_S / max(call_s, 1e-6)))
    before = counter.joules()
    make_calls(calls)
    taken = counter.joules() - before
    if taken <= 0:
        raise NoEnergyCounterError("the energy counter did not move")
    return taken / calls
