"""What machines can do at most, kept for a day in the user's cache."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

from hfbench_nb.protocol.decoding import read_text
from hfbench_nb.protocol.peaks import Peaks
from hfbench_nb.storage.files import replace_file

KEPT_S = 86_400.0
"""How long they are kept, seconds: drivers, limits and neighbours change."""


def read_peaks(folder: Path, key: str) -> Peaks | None:
    """Return what was measured within a day, if anything was.

    Parameters
    ----------
    folder
        The user's cache.
    key
        Where it was measured, and with which settings.
    """
    entry = _fresh_entries(folder).get(key)
    try:
        return None if entry is None else Peaks.from_dict(entry)
    except ValueError:
        return None


def write_peaks(folder: Path, key: str, peaks: Peaks) -> None:
    """Keep what was measured, and drop what is too old.

    Raises
    ------
    OSError
        If it cannot be written.
    """
    data = {**_fresh_entries(folder), key: {**peaks.to_dict(), "at_s": time.time()}}
    folder.mkdir(parents=True, exist_ok=True)
    replace_file(folder / "peaks.json", json.dumps(data, indent=1).encode())


def _fresh_entries(folder: Path) -> dict[str, dict[str, Any]]:
    """Return what was measured within a day; nothing of a file that is damaged or written by another program."""
    try:
        entries = json.loads(read_text(folder / "peaks.json"))
    except (OSError, ValueError):
        return {}
    now_s = time.time()
    return {
        key: entry
        for key, entry in (entries.items() if isinstance(entries, dict) else ())
        if isinstance(entry, dict) and isinstance(at_s := entry.get("at_s"), int | float) and 0 <= now_s - at_s < KEPT_S
    }
