"""Whether differences can be trusted: one case under two names, runs beside other work, a little more work, a gate.

``HFBENCH_TRIALS=2 make bench SECTIONS=differences`` tries each a few times, which shows that it runs, and no more.
"""

from __future__ import annotations

import contextlib
import itertools
import os
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from typing import Any
from unittest import mock

from report import Row

from hfbench_nb import BenchmarkResults, PyTorchBenchmark, PyTorchBenchmarkArguments
from hfbench_nb.execution import sharing
from hfbench_nb.frontends import cli
from hfbench_nb.protocol.round_stats import paired_ratio

_TRIALS = int(os.environ.get("HFBENCH_TRIALS", "20"))
_BURNER = """
import random, sys, time
random.seed(sys.argv[1])
while True:
    end = time.monotonic() + random.uniform(0.2, 3)
    while time.monotonic() < end:
        pass
    time.sleep(random.uniform(0.2, 3))
"""
_TINY = {"hidden_size": 64, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 128}
_SIX = {"num_hidden_layers": 6}
# More work is more of the same layers. A wider layer takes longer than in proportion, 9 % where it has 3 % more work,
# since its width is no multiple of what the processor takes at once.
_LAYERS = 60
_LAYER = {"hidden_size": 64, "num_attention_heads": 2, "intermediate_size": 256, "vocab_size": 100}


def differences() -> Iterator[Row]:
    """Yield a row per claim; each is of this machine, as busy as it is."""
    yield from _same_case_under_two_names()
    yield from _runs_at_different_times()
    yield from _more_work()
    yield from _gate()
    yield from _one_build()
    yield from _time_with_a_shared_build()
    yield from _huge_pages()


def _same_case_under_two_names() -> Iterator[Row]:
    for rounds in (1, 6):
        different = pairs = 0
        for _ in range(_TRIALS):
            results = _sweep({"a": _bert(**_TINY), "b": _bert(**_TINY)}, [16], rounds=rounds)
            found = results.relative("a").frame["time_differs"]
            different, pairs = different + int(found.sum()), pairs + len(found)
        yield (
            f"the same case under two names in one run, {_TRIALS} runs, rounds={rounds}: called different",
            _share(different, pairs),
            "at most 6 %" if rounds > 1 else "reported",
        )


def _runs_at_different_times() -> Iterator[Row]:
    """Run three cases again and again, half of the runs beside a process that burns a core for random seconds."""
    kinds = [("tiny BERT", _bert(**_TINY), 8, 16), ("BERT, 6 layers", _bert(**_SIX), 8, 32), ("GPT-2", _gpt2(), 4, 128)]
    for (name, config, batch_size, length), rounds in itertools.product(kinds, (1, 6)):
        runs = []
        for i in range(_TRIALS):
            with _burner(i) if i % 2 else contextlib.nullcontext():
                runs.append(_sweep({"same": config}, [length], batch_size, rounds=rounds))
        different, pairs, adjusted = 0, 0, 0
        for one, other in itertools.combinations(runs, 2):
            comparison = one.compare(other)
            different += int(comparison.frame["time_differs"].sum())
            adjusted += any("slower during" in note for note in comparison.notes)
            pairs += 1
        yield (
            f"{name}, {batch_size} x {length}, {_TRIALS} runs, half of them beside a burning process, rounds={rounds}: "
            "pairs called different",
            f"{_share(different, pairs)}; the machine called slower in {_share(adjusted, pairs)}",
            "at most 6 %" if rounds > 1 else "reported",
        )


def _more_work() -> Iterator[Row]:
    """Compare a BERT with two that have more layers, in one sweep."""
    trials = max(1, _TRIALS // 2)
    same = str(_LAYERS)
    configs = {str(layers): _deep(layers) for layers in (_LAYERS, 62, 66)}
    rows = [
        _sweep(configs, [32], precision=1e-4, rounds=20, max_seconds=30.0).relative(same).frame.set_index("model")
        for _ in range(trials)
    ]
    for name, wanted in (("62", "within 1 % of 1.033"), ("66", "at least 80 %; within 1 % of 1.10")):
        found = [bool(frame.loc[name, "time_differs"]) and frame.loc[name, "time_ratio"] > 1 for frame in rows]
        ratios = [frame.loc[name, "time_ratio"] for frame in rows]
        yield (
            f"{name} layers against {same}, {trials} runs of 30 s a case: called slower; median and range of ratios",
            f"{_share(sum(found), trials)}; {statistics.median(ratios):.4f}, {min(ratios):.3f} to {max(ratios):.3f}",
            wanted,
        )


def _gate() -> Iterator[Row]:
    """Compare the saved runs of a case with a baseline each: the same work, and 15 % more."""
    trials, alarms = 2 * _TRIALS, {0: 0, 15: 0}
    for _ in range(trials):
        with tempfile.TemporaryDirectory() as folder:
            for name, layers in (("baseline", _LAYERS), ("0", _LAYERS), ("15", 69)):
                results = _sweep({"same": _deep(layers)}, [32], rounds=10, max_seconds=8.0, precision=1e-4)
                results.save(f"{folder}/{name}")
            for percent in alarms:
                words = ["compare", f"{folder}/baseline", f"{folder}/{percent}", "--fail_above", "5%"]
                with open(os.devnull, "w") as nowhere, contextlib.redirect_stdout(nowhere):
                    code = cli.main([*words, "--metric", "time_s"])
                alarms[percent] += code == 3
    for percent, wanted in ((0, "none"), (15, f"at least {0.95 * trials:.0f}")):
        yield f"gate at 5 %, {percent} % more work, {trials} comparisons: alarms", str(alarms[percent]), wanted


def _one_build() -> Iterator[Row]:
    """Measure a large model's memory with one build for several cases, and with a build for each."""
    model = os.environ.get("HFBENCH_LARGE_MODEL", "meta-llama/Llama-3.2-1B")
    arguments = PyTorchBenchmarkArguments(
        models=[model], batch_sizes=[1], sequence_lengths=[8, 16, 32, 64, 128, 256, 512, 1024], speed=False,
        only_pretrain_model=True,
    )  # fmt: skip
    took_s, peaks_mb = {}, {}
    for name, is_shared in (("sharing", True), ("each builds its own", False)):
        with _sharing(is_shared):
            start = time.perf_counter()
            results = PyTorchBenchmark(arguments).run()
            took_s[name] = time.perf_counter() - start
            peaks_mb[name] = results.frame["memory_mb"].tolist()
    apart = max(abs(one / other - 1) for one, other in zip(*peaks_mb.values(), strict=True))
    yield (
        f"{model}, 8 lengths, memory alone: one build; a build for each",
        f"{took_s['sharing']:.0f} s; {took_s['each builds its own']:.0f} s; peaks within {100 * apart:.2f} %",
        "reported; 0.5 %",
    )


def _time_with_a_shared_build() -> Iterator[Row]:
    """Compare by pairs, which follow each other, in alternating order."""
    lengths, times_s = [16, 32], {True: [], False: []}
    for i in range(_TRIALS):
        for is_shared in (True, False) if i % 2 else (False, True):
            with _sharing(is_shared):
                results = _sweep({"six": _bert(**_SIX)}, lengths, rounds=1, max_seconds=0.5)
            times_s[is_shared].append(results.frame["time_s"].tolist())
    for index, length in enumerate(lengths):
        shared, own = ([pair[index] for pair in times_s[is_shared]] for is_shared in (True, False))
        ratio, low, high = paired_ratio(shared, own)
        yield (
            f"BERT, 6 layers, 8 x {length}: time with a shared build / with a build of its own, {_TRIALS} pairs",
            f"{ratio:.3f} ({low:.3f} to {high:.3f})",
            "reported",
        )


def _huge_pages() -> Iterator[Row]:
    """Measure one case with small pages and with huge ones, in ten processes each."""
    results = _sweep(
        {"six": _bert(**_SIX)}, [32], huge_pages=[False, True], rounds=10, max_seconds=20.0, precision=1e-4
    )
    ratio = results.relative({"huge_pages": False}).frame.iloc[0]
    spreads = []
    for huge, rounds in results.rounds.groupby("huge_pages"):
        shares = rounds["time_s"] / rounds["time_s"].median()
        spreads.append(f"{'huge' if huge else 'small'}: {shares.min():.2f} to {shares.max():.2f} of the median")
    yield (
        "BERT, 6 layers, 8 x 32: time with huge_pages=True / False, 10 processes each",
        f"{ratio['time_ratio']:.3f}; {'; '.join(spreads)}",
        "reported",
    )


def _sharing(is_shared: bool) -> contextlib.AbstractContextManager[Any]:
    """Return a context in which cases share a build as they do, or not."""
    if is_shared:
        return contextlib.nullcontext()
    return mock.patch.object(sharing, "_is_shareable", return_value=False)


def _sweep(configs: dict[str, Any], lengths: Sequence[int], batch_size: int = 8, **options: Any) -> BenchmarkResults:
    arguments = PyTorchBenchmarkArguments(
        models=list(configs), batch_sizes=[batch_size], sequence_lengths=[*lengths], memory=False, threads=1, **options
    )
    results = PyTorchBenchmark(arguments, configs=list(configs.values())).run()
    assert set(results.frame["status"]) == {"ok"}, list(results.frame["error"])
    return results


def _bert(**settings: int) -> Any:
    from transformers import BertConfig

    return BertConfig(**settings)


def _gpt2() -> Any:
    from transformers import GPT2Config

    return GPT2Config()


def _deep(layers: int) -> Any:
    return _bert(num_hidden_layers=layers, **_LAYER)


@contextlib.contextmanager
def _burner(seed: int) -> Iterator[None]:
    process = subprocess.Popen([sys.executable, "-c", _BURNER, str(seed)])
    try:
        yield
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait()


def _share(count: int, of: int) -> str:
    return f"{count} of {of}, {100 * count / of:.1f} %"
