"""The same names as `hfbench_nb`, installed as the module ``hfbench`` so that ``%load_ext hfbench`` finds it."""

from __future__ import annotations

from typing import Any

import hfbench_nb


def __getattr__(name: str) -> Any:
    return getattr(hfbench_nb, name)


def __dir__() -> list[str]:
    return dir(hfbench_nb)
