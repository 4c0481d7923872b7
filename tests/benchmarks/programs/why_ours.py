"""Every way of running a model, compared with the plain one, and what explains a slower one."""

from __future__ import annotations

import json
import math
from pathlib import Path

from common import answer, request

from hfbench_nb import PyTorchBenchmark, PyTorchBenchmarkArguments

if __name__ == "__main__":
    asked = request()
    plain, ways = asked["plain"], asked["ways"]
    folder = Path(asked["folder"])
    where = {"resume": folder} if folder.exists() else {"folder": folder}
    results = PyTorchBenchmark(PyTorchBenchmarkArguments(**asked["arguments"], **ways, profile=True)).run(**where)
    compared = {}
    for cells in json.loads(results.relative(to=plain).frame.to_json(orient="records")):
        compared[json.dumps([cells["model"], cells["sequence_length"]])] = cells
    cases = []
    for row in results:
        measurement = row.measurement
        case = {"label": row.label, "length": row.case.sequence_length, "status": measurement.status}
        case["error"] = "" if measurement.failure is None else str(measurement.failure)
        case["time_s"] = math.nan if measurement.timing is None else measurement.timing.median_s
        case["compile_s"] = measurement.details.get("compile_s")
        case["kernel"] = measurement.details.get("attention_kernel")
        case["note"] = measurement.note
        cells = compared.get(json.dumps([row.label, row.case.sequence_length]))
        if cells is not None:
            case |= {
                "ratio": cells["time_ratio"], "low": cells["time_ratio_ci_low"], "high": cells["time_ratio_ci_high"],
                "differs": cells["time_differs"],
            }  # fmt: skip
        if case.get("differs") and case["ratio"] > 1:
            where = {"model": row.case.model, "sequence_length": row.case.sequence_length}
            chosen = {name: row.case.settings[name] for name in ways}
            try:
                case["why"] = results.explain({**where, **chosen}, {**where, **plain}).in_words()
            except Exception as error:
                case["why"] = f"{type(error).__name__}: {error}"
        cases.append(case)
    answer({"cases": cases})
