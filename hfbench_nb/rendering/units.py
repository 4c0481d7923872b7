"""Formatting numbers for people: the one place where a metric gets its unit."""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterable

_TIME_UNITS = ((1.0, "s"), (1e-3, "ms"), (1e-6, "µs"), (1e-9, "ns"))
_COUNT_UNITS = ((1e9, "B"), (1e6, "M"), (1e3, "K"))
_FLOPS_UNITS = ((1e15, "P"), (1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "K"))


def format_time(time_s: float) -> str:
    """Return seconds with three significant digits and a unit, as in ``12.3 ms``; NaN becomes an empty text.

    Examples
    --------
    >>> format_time(0.01234), format_time(2.5), format_time(float("nan"))
    ('12.3 ms', '2.50 s', '')
    """
    if math.isnan(time_s):
        return ""
    scale, unit = _unit_of(abs(time_s), _TIME_UNITS) or _TIME_UNITS[-1]
    return f"{format_number(time_s / scale)} {unit}"


def _unit_of(amount: float, units: Iterable[tuple[float, str]]) -> tuple[float, str] | None:
    """Return the largest unit that an amount reaches once it is rounded to three digits; None if it is too small."""
    rounded = float(f"{amount:.2e}")
    return next((unit for unit in units if rounded >= unit[0]), None)


def counted(count: int, word: str) -> str:
    """Return a number of things with their word.

    Examples
    --------
    >>> counted(1, "case"), counted(0, "case"), counted(1234, "probe")
    ('1 case', '0 cases', '1,234 probes')
    """
    return f"{count:,} {word}{'' if count == 1 else 's'}"


def time_unit(times_s: Iterable[float]) -> tuple[float, str]:
    """Choose one unit for many times by their geometric mean; return its size in seconds and its name.

    Examples
    --------
    >>> time_unit([0.005, 0.25])
    (0.001, 'ms')
    """
    logarithms = [math.log(time_s) for time_s in times_s if time_s > 0]
    middle_s = math.exp(statistics.fmean(logarithms)) if logarithms else 1.0
    return next((unit for unit in _TIME_UNITS if middle_s >= unit[0]), _TIME_UNITS[-1])


def format_number(value: float) -> str:
    """Return a number with three significant digits or its whole part, with thousands separators.

    Examples
    --------
    >>> format_number(0.01234), format_number(12.3456), format_number(1234.5)
    ('0.0123', '12.3', '1,234')
    """
    exponent = int(f"{value:.2e}".partition("e")[2])  # of the rounded number: 9.999 becomes 10.0
    return f"{value:,.{max(0, 2 - exponent)}f}"


def format_memory(memory_mb: float) -> str:
    """Return MB of 2^20 bytes as a whole number with thousands separators, as in ``1,281 MB``."""
    return "" if math.isnan(memory_mb) else f"{memory_mb:,.0f} MB"


def format_count(count: int) -> str:
    """Return a large number with three significant digits, as in ``1.24 B`` for 1.24 billion.

    Examples
    --------
    >>> format_count(1_235_814_400), format_count(124_439_808), format_count(12_345), format_count(999)
    ('1.24 B', '124 M', '12.3 K', '999')
    """
    unit = _unit_of(count, _COUNT_UNITS) if count >= 1000 else None
    return str(count) if unit is None else f"{format_number(count / unit[0])} {unit[1]}"


def format_flops(flops: float) -> str:
    """Return floating-point operations, or so many per second, with three significant digits: ``1.23 T`` for 10^12.

    Examples
    --------
    >>> format_flops(2.25e10), format_flops(7.8e14), format_flops(1.2e4)
    ('22.5 G', '780 T', '12.0 K')
    """
    if math.isnan(flops):
        return ""
    unit = _unit_of(flops, _FLOPS_UNITS)
    return format_number(flops) if unit is None else f"{format_number(flops / unit[0])} {unit[1]}"


def format_percent(share: float) -> str:
    """Return a share in percent with two or three significant digits, as in ``43 %`` and ``0.52 %``."""
    if math.isnan(share):
        return ""
    percent = 100 * share
    return f"{percent:.0f} %" if float(f"{percent:.1e}") >= 10 else f"{percent:#.2g} %"


def format_rate(per_s: float) -> str:
    """Return a rate with three significant digits, as in ``12.3/s``.

    Examples
    --------
    >>> format_rate(12.345), format_rate(1234.5)
    ('12.3/s', '1,234/s')
    """
    return "" if math.isnan(per_s) else f"{format_number(per_s)}/s"


def format_share(share: float) -> str:
    """Return a relative spread in percent, as in ``±1.2 %``."""
    return "" if math.isnan(share) else f"±{100 * share:.1f} %"


def format_ratio(ratio: float) -> str:
    """Return a ratio with three significant digits, as in ``0.812`` and ``1.25``; a bound can be infinite.

    Examples
    --------
    >>> format_ratio(1.254), format_ratio(float("inf"))
    ('1.25', '∞')
    """
    return "" if math.isnan(ratio) else "∞" if math.isinf(ratio) else format_number(ratio)


def format_duration(duration_s: float) -> str:
    """Return a duration for a progress display, as in ``1 min 05 s``."""
    seconds = round(duration_s)
    if seconds < 60:
        return f"{seconds} s"
    minutes, seconds = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes:02d} min" if hours else f"{minutes} min {seconds:02d} s"
