"""How long it takes to show results: the frame, tables, report and files of a sweep of 1,000 cases.

``python tests/benchmarks/results_speed.py`` prints the lines of its table.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator

from hfbench_nb import BenchmarkResults
from hfbench_nb.protocol.case import Case
from hfbench_nb.protocol.measurement import MEGABYTE, Measurement, MemoryUse
from hfbench_nb.protocol.timing import Timing

Row = tuple[str, str, str]

CASES = 1_000


def make_results(samples: int, cases: int = CASES) -> BenchmarkResults:
    """Make results as a sweep gives them: 50 models (of 1,000 cases), 4 batch sizes, 5 lengths."""
    numbers = random.Random(0)
    entries = []
    for index in range(cases):
        model, batch_size = f"organisation/model-{index // 20}", (1, 2, 4, 8)[index // 5 % 4]
        case = Case("PyTorch", model, "inference", batch_size, (8, 32, 128, 512, 1024)[index % 5])
        timing = Timing(tuple(numbers.gauss(0.02, 0.001) for _ in range(samples)), precision=0.02)
        memory = MemoryUse("VmHWM", *(size * MEGABYTE for size in (500, 250, 200, 50)))
        entries.append((case, Measurement("ok", timing, memory)))
    return BenchmarkResults(entries, {"framework": "PyTorch"}, {"speed": True, "memory": True})


def speed_of_results() -> Iterator[Row]:
    """Time what a user waits for after a sweep, each on results of which nothing has been asked yet."""
    _ = BenchmarkResults([], {}, {}).table()  # pandas is loaded, the templates are compiled
    _ = make_results(1, 20)._repr_html_()
    whats: dict[str, tuple[Callable[[BenchmarkResults], object], str]] = {
        "frame and table()": (lambda results: (results.frame, results.table()), "at most 1 s"),
        "HTML": (lambda results: results._repr_html_(), "at most 0.5 s"),
        "Markdown": (lambda results: results.to_markdown(), "reported"),
        "text report": (lambda results: str(results), "reported"),
    }
    for samples, cases in ((100, CASES), (10_000, CASES // 10)):
        made = [make_results(samples, cases) for _ in whats]
        for (what, (show, wanted)), results in zip(whats.items(), made, strict=True):
            start = time.perf_counter()
            show(results)
            taken_s = time.perf_counter() - start
            wish = wanted if cases == CASES else "reported"
            yield f"{what} of {cases:,} cases of {samples:,} samples each", f"{taken_s:.3f} s", wish


if __name__ == "__main__":
    for row in speed_of_results():
        print(f"| {' | '.join(row)} |", flush=True)
