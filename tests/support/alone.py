"""What may not run twice at a time; workers import this module, which is light for that reason."""

from __future__ import annotations

import os
import time


def alone(place: str, name: str) -> None:
    """Fail if another one runs meanwhile; note who has run."""
    os.mkdir(f"{place}/running")
    time.sleep(0.02)
    os.rmdir(f"{place}/running")
    with open(f"{place}/log", "a") as log:
        log.write(f"{name}\n")
