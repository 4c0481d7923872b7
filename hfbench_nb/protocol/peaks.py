"""What a machine can do at most, as measured.  Standard library only."""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields
from typing import Any

from hfbench_nb.protocol.decoding import make


@dataclass(frozen=True)
class Rate:
    """A rate that was measured many times: the best one, the median and the worst."""

    best: float
    median: float
    worst: float


@dataclass(frozen=True)
class Peaks:
    """The largest rates of a device, for a data type and a number of threads.

    Attributes
    ----------
    gflops_per_s
        Of products of matrices, 10^9 floating-point operations per second.
    gb_per_s
        Of copies and readings of memory, 10^9 bytes per second, read or written.
    dtype
        The data type.
    """

    gflops_per_s: Rate
    gb_per_s: Rate
    dtype: str

    @property
    def metrics(self) -> dict[str, float]:
        """The metrics of a case that they are: the best rates."""
        return {"peak_gflops_per_s": self.gflops_per_s.best, "peak_gb_per_s": self.gb_per_s.best}

    def or_more(self, other: Peaks) -> Peaks:
        """Return the better one of each rate."""
        return Peaks(
            max(self.gflops_per_s, other.gflops_per_s, key=lambda rate: rate.best),
            max(self.gb_per_s, other.gb_per_s, key=lambda rate: rate.best),
            self.dtype,
        )

    def to_dict(self) -> dict[str, Any]:
        """Return them as plain JSON data."""
        return asdict(self)

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> Peaks:
        """Make peaks of what `to_dict` returned; further entries are ignored.

        Raises
        ------
        ValueError
            If `data` is not of that form.
        """
        return make(cls, {field.name: data.get(field.name) for field in fields(cls)})
