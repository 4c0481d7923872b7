"""What models compute and achieve, by this project."""

from __future__ import annotations

import math

from common import answer, request

from hfbench_nb import PyTorchBenchmark, PyTorchBenchmarkArguments

if __name__ == "__main__":
    args = PyTorchBenchmarkArguments(memory=False, rounds=1, max_seconds=0.5, repeat=1, **request())
    results = PyTorchBenchmark(args).run()
    cases = []
    for row, cells in zip(results, results.frame.to_dict("records"), strict=True):
        known = {name: cells[name] for name in ("flops", "utilization", "time_s")}
        cases.append(
            {
                "label": row.label,
                "batch_size": row.case.batch_size,
                "length": row.case.sequence_length,
                "count_s": row.measurement.details.get("count_s"),
                **{name: None if math.isnan(value) else value for name, value in known.items()},
            }
        )
    answer({"cases": cases, "peaks": results.machine_peaks().to_dict("records")})
