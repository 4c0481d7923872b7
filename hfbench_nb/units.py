"""Numbers as text for people: the one place where a figure gets its unit."""

from __future__ import annotations

import math

_TIME_UNITS = ((1.0, "s"), (1e-3, "ms"), (1e-6, "us"), (1e-9, "ns"))


def format_time(time_s: float) -> str:
    """Give seconds three significant digits and a unit, as in ``12.3 ms``.

    Examples
    --------
    >>> format_time(0.01234), format_time(2.5), format_time(float("nan"))
    ('12.3 ms', '2.50 s', '')
    """
    if math.isnan(time_s):
        return ""
    scale, unit = next(((scale, unit) for scale, unit in _TIME_UNITS if abs(time_s) >= scale), _TIME_UNITS[-1])
    return f"{_three_digits(time_s / scale)} {unit}"


def format_memory(memory_mb: float) -> str:
    """Give MB of 2^20 bytes as a whole number with thousands set apart, as in ``1,281 MB``."""
    return "" if math.isnan(memory_mb) else f"{memory_mb:,.0f} MB"


def format_share(share: float) -> str:
    """Give a relative spread, as in ``±1.2 %``."""
    return "" if math.isnan(share) else f"±{100 * share:.1f} %"


def format_duration(duration_s: float) -> str:
    """Give a duration for a progress display, as in ``1 min 05 s``."""
    seconds = round(duration_s)
    if seconds < 60:
        return f"{seconds} s"
    minutes, seconds = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes:02d} min" if hours else f"{minutes} min {seconds:02d} s"


def _three_digits(value: float) -> str:
    digits = 2 - math.floor(math.log10(abs(value))) if value else 2
    return f"{value:,.{max(0, min(2, digits))}f}"
