"""Whether the same case needs the same memory each time, and what a script of the user's own shows meanwhile."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence

from launching import run_program
from report import Row

from hfbench_nb import PyTorchBenchmark, PyTorchBenchmarkArguments

_BATCH, _LENGTH, _REPEATS, _SCRIPTS = 4, 128, 10, 4
_TINY = {"hidden_size": 64, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 128}
_MODELS: dict[str, dict[str, int]] = {"bert-tiny": _TINY, "bert-6-layers": {"num_hidden_layers": 6}, "bert-base": {}}


def memory_repeats() -> Iterator[Row]:
    """Measure six cases ten times, and run a bare script of the models in inference four times."""
    import transformers

    args = PyTorchBenchmarkArguments(
        models=list(_MODELS), batch_sizes=[_BATCH], sequence_lengths=[_LENGTH], training=True, speed=False,
        verbose=False,
    )  # fmt: skip
    configs = [transformers.BertConfig(**settings) for settings in _MODELS.values()]
    peaks_mb, first_mb = defaultdict(list), defaultdict(list)
    for _ in range(_REPEATS):
        for case, measurement in PyTorchBenchmark(args, configs=configs).run().entries:
            assert measurement.memory is not None, measurement.failure
            peaks_mb[case.model, case.task].append(measurement.memory.peak_bytes / 2**20)
            first_mb[case.model, case.task].append(measurement.memory.details["first_call_peak_bytes"] / 2**20)
    for (model, task), peaks in peaks_mb.items():
        spread_mb = max(peaks) - min(peaks)
        yield (
            f"peak of {model}, {task}, {_BATCH} x {_LENGTH}, {_REPEATS} times, Transformers {transformers.__version__}",
            f"{_range(peaks)}: {spread_mb:.2f} MB, {100 * spread_mb / min(peaks):.2f} %",
            "within 0.5 % or 0.5 MB",
        )
    for model, settings in _MODELS.items():
        request = {"models": {model: settings}, "batch_size": _BATCH, "length": _LENGTH, "seconds": 0.5}
        bare_mb = [run_program("bare", request).answer()["memory_mb"] for _ in range(_SCRIPTS)]
        yield (
            f"peak of {model} in a bare script, {_SCRIPTS} times; in our first call, heap as it is; of the case",
            f"{_range(bare_mb)}; {_range(first_mb[model, 'inference'])}; {_range(peaks_mb[model, 'inference'])}",
            "the first two alike",
        )


def _range(found_mb: Sequence[float]) -> str:
    return f"{min(found_mb):.1f} to {max(found_mb):.1f} MB"
