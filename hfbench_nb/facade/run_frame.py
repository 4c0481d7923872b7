"""The frame that `hfbench_nb.runs` returns; it imports pandas."""

from __future__ import annotations

from typing import Any

import pandas as pd


class RunFrame(pd.DataFrame):
    """A DataFrame that shows its columns and texts whole: a path that is cut off cannot be given to `load_results`."""

    @property
    def _constructor(self) -> type[RunFrame]:
        return RunFrame

    def __repr__(self) -> str:
        with _whole():
            return super().__repr__()

    def _repr_html_(self) -> str | None:
        with _whole():
            html: str | None = super()._repr_html_()  # type: ignore[misc]  # pandas-stubs do not have it
            return html


def _whole() -> Any:
    return pd.option_context("display.max_colwidth", None, "display.max_columns", None)
