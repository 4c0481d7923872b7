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
    entry = _entries(folder).get(key)
    if not isinstance(entry, dict) or not 0 <= time.time() - float(entry.get("at_s", 0)) < KEPT_S:
        return None
    try:
        return Peaks.from_dict(entry)
    except ValueError:
        return None


def write_peaks(folder: Path, key: str, peaks: Peaks) -> None:
    """Keep what was measured, and drop what is too old.

    Raises
    ------
    OSError
        If it cannot be written.
    """
    now_s = time.time()
    kept = {name: entry for name, entry in _entries(folder).items() if now_s - float(entry.get("at_s", 0)) < KEPT_S}
    folder.mkdir(parents=True, exist_ok=True)
    data = {**kept, key: {**peaks.to_dict(), "at_s": now_s}}
    replace_file(folder / "peaks.json", json.dumps(data, indent=1).encode())


def _entries(folder: Path) -> dict[str, Any]:
    try:
        entries = json.loads(read_text(folder / "peaks.json"))
    except (OSError, ValueError):
        return {}
    return (
        {name: entry for name, entry in entries.items() if isinstance(entry, dict)} if isinstance(entries, dict) else {}
    )
