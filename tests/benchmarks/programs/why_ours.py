"""Every way of running a model, compared with the plain one, and what explains a slower one."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

from common import answer, request

from hfbench_nb import PyTorchBenchmark, PyTorchBenchmarkArguments


def _ratios(results: Any, to: dict[str, str]) -> dict[tuple[str, int], dict[str, Any]]:
    """Return what is known of the ratio of each case to its partner, by label and sequence length."""
    rows = json.loads(results.relative(to=to).frame.to_json(orient="records"))
    return {(cells["model"], cells["sequence_length"]): cells for cells in rows}


def _compared(results: Any, row: Any, to: dict[str, str], cells: dict[str, Any]) -> dict[str, Any]:
    """Return the ratio of a case to its partner, and what explains a slower one."""
    ratio, differs = cells["time_ratio"], cells["time_differs"]
    found = {"ratio": ratio, "low": cells["time_ratio_ci_low"], "high": cells["time_ratio_ci_high"], "differs": differs}
    if not (differs and ratio > 1):
        return found
    case = {"model": row.case.model, "sequence_length": row.case.sequence_length}
    case |= {name: row.case.settings[name] for name in asked["ways"]}
    try:
        return {**found, "why": results.explain(case, {**case, **to}).in_words()}
    except Exception as error:
        return {**found, "why": f"{type(error).__name__}: {error}"}


if __name__ == "__main__":
    asked = request()
    folder = Path(asked["folder"])
    where = {"resume": folder} if folder.exists() else {"folder": folder}
    args = PyTorchBenchmarkArguments(**asked["arguments"], **asked["ways"], profile=True)
    results = PyTorchBenchmark(args).run(**where)
    ratios = {name: _ratios(results, to) for name, to in asked["partners"].items()}
    cases = []
    for row in results:
        measurement = row.measurement
        case = {"label": row.label, "length": row.case.sequence_length, "status": measurement.status}
        case["error"] = "" if measurement.failure is None else str(measurement.failure)
        case["time_s"] = math.nan if measurement.timing is None else measurement.timing.median_s
        case["compile_s"] = measurement.metrics.get("compile_s")
        case["kernel"] = measurement.details.get("attention_kernel")
        key = row.label, row.case.sequence_length
        case["compared"] = {
            name: _compared(results, row, to, ratios[name][key])
            for name, to in asked["partners"].items()
            if key in ratios[name]
        }
        cases.append(case)
    answer({"cases": cases})
