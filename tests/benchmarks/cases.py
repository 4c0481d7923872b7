"""What the tool itself costs: importing it, a case, a thousand cases."""

from __future__ import annotations

import importlib.util
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Generator, Iterator
from typing import Any

from launching import run_program
from peers import OPTIMUM
from report import Row

TINY = {"hidden_size": 32, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 64, "vocab_size": 100}
# As many as a case has where its budget is soon used up.
_ROUNDS = 3
HEAVY = ["torch", "tensorflow", "transformers", "numpy", "pandas", "matplotlib", "ipywidgets", "IPython"]


def import_time() -> Iterator[Row]:
    """Time `import hfbench_nb` in a fresh interpreter, less starting the interpreter."""
    code = f"""
import sys, time
start = time.perf_counter()
import hfbench_nb
print(time.perf_counter() - start, [name for name in {HEAVY} if name in sys.modules])
"""
    times, modules = [], ""
    for _ in range(5):
        out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
        seconds, modules = out.strip().split(maxsplit=1)
        times.append(float(seconds))
    yield "import hfbench_nb", f"{statistics.median(times):.3f} s; heavy modules: {modules}", "at most 0.6 s; []"


def cost_of_a_case() -> Iterator[Row]:
    """Time sweeps of tiny cases, time and memory, less what their processes spent in building and in passes."""
    ours_s = yield from _fixed_cost("PyTorch", count=30, wanted_s=0.15)
    if all(importlib.util.find_spec(name) for name in ("tensorflow", "tf_keras")):
        yield from _fixed_cost("TensorFlow", count=10, wanted_s=0.25)
    else:
        yield "fixed cost a case, TensorFlow", "not installed", "at most 0.25 s"
    yield from _optimum(ours_s)


def _fixed_cost(framework: str, count: int, wanted_s: float) -> Generator[Row, None, float]:
    """Return the rows, and return the seconds that a case costs in one round."""
    start = time.perf_counter()
    _tiny_sweep(framework, range(8, 9), rounds=1)
    yield f"the first run, {framework}: the server starts", f"{time.perf_counter() - start:.2f} s", "reported"
    start = time.perf_counter()
    results = _tiny_sweep(framework, range(8, 8 + count), rounds=1)
    wall_s = time.perf_counter() - start
    in_model_s = sum(_in_model_s(measurement) for _, measurement in results.entries)
    fixed_s = (wall_s - in_model_s) / count
    yield (
        f"fixed cost a case, {framework}, rounds=1: a run of {count} tiny cases, less building and passes",
        f"({wall_s:.2f} s - {in_model_s:.2f} s) / {count} = {fixed_s:.3f} s",
        f"at most {wanted_s} s",
    )
    # Both ends in one run: two runs, at two speeds of the machine, would differ by more than a round takes.
    ends_s: list[float] = []
    results = _tiny_sweep(
        framework, range(8, 8 + count), _ROUNDS, on_case=lambda case, found: ends_s.append(time.perf_counter())
    )
    assert len(ends_s) == _ROUNDS * count
    further = [each for _, measurement in results.entries for each in measurement.each_round if each.round > 1]
    wall_s, in_model_s = ends_s[-1] - ends_s[count - 1], sum(map(_in_model_s, further))
    yield (
        f"fixed cost a further round of a case, {framework}: {_ROUNDS - 1} rounds of {count} cases",
        f"({wall_s:.2f} s - {in_model_s:.2f} s) / {len(further)} = {(wall_s - in_model_s) / len(further):.3f} s",
        "at most 0.05 s",
    )
    asked_s = statistics.median(each.costs.start_s for each in further)
    yield f"of that, from asking to the first instruction, {framework}", f"{asked_s:.3f} s", "at most 0.1 s"
    return fixed_s


def _in_model_s(measurement: Any) -> float:
    return float(measurement.costs.build_s + measurement.costs.calls_s)


def _tiny_sweep(
    framework: str, lengths: range, rounds: int, on_case: Callable[..., object] = lambda case, found: None
) -> Any:
    from transformers import BertConfig

    import hfbench_nb

    arguments = getattr(hfbench_nb, f"{framework}BenchmarkArguments")(
        models=["tiny"], batch_sizes=[1], sequence_lengths=lengths, max_seconds=0.01, rounds=rounds
    )
    return getattr(hfbench_nb, f"{framework}Benchmark")(arguments, configs=[BertConfig(**TINY)]).run(on_case=on_case)


def _optimum(ours_s: float) -> Iterator[Row]:
    """Let optimum-benchmark measure two tiny cases with as few passes as it can."""
    request = {"models": {"tiny": TINY}, "batch_size": 1, "lengths": [8, 9]}
    options = {"warmup_runs": 1, "iterations": 2, "duration": 0.0}
    outcome = run_program("optimum_cases", {**request, "options": options}, OPTIMUM.python(), timeout_s=300.0)
    cases = outcome.answer()["cases"]
    fixed_s = statistics.fmean(case["measuring_s"] - case["build_s"] - case["calls_s"] for case in cases)
    yield (
        f"fixed cost a case, {OPTIMUM.name}: 2 tiny cases, asked for 2 passes (its default: 10 s of them)",
        f"{fixed_s:.1f} s: {fixed_s / ours_s:.0f} times ours",
        "at least 40 times",
    )
