"""Training of several models by this project, with the axes of a step."""

from __future__ import annotations

from common import answer, request

from hfbench_nb import PyTorchBenchmark, PyTorchBenchmarkArguments

METRICS = (
    "status", "error",
    "time_s", "forward_s", "backward_s", "optimizer_s", "samples_per_s", "memory_mb", "baseline_mb", "weights_mb",
    "gradients_mb", "optimizer_mb", "activations_mb",
)  # fmt: skip

if __name__ == "__main__":
    asked = request()
    args = PyTorchBenchmarkArguments(
        models=list(asked["models"].values()),
        batch_sizes=[asked["batch_size"]],
        sequence_lengths=asked["lengths"],
        training=True,
        inference=False,
        **asked.get("arguments", {}),
    )
    results = PyTorchBenchmark(args).run()
    cases = []
    for row, cells in zip(results, results.frame.to_dict("records"), strict=True):
        measurement = row.measurement
        known = {"label": row.label, "note": measurement.note, "settings": dict(row.case.settings)}
        known["trained"] = measurement.details.get("trainable_parameters", 0)
        cases.append({**known, **{name: cells[name] for name in ("model", "sequence_length", *METRICS)}})
    answer({"cases": cases})
