"""Generation as the table that users of llama-bench know (llama.cpp, ``tools/llama-bench``), to compare the two.

``pp512`` is the processing of a prompt of 512 tokens; ``tg128 @ d512`` the generation of 128 tokens with 512 before
them in the context; ``t/s`` is mean and standard deviation over the calls, of the tokens of the whole batch.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from hfbench_nb.display.summary_tables import size_axes
from hfbench_nb.display.tables import list_failures
from hfbench_nb.protocol.errors import ArgumentError
from hfbench_nb.protocol.facts import ModelFacts
from hfbench_nb.protocol.tasks import GENERATION
from hfbench_nb.rendering.escaping import for_stdout, markdown_code
from hfbench_nb.results.result_set import ResultSet, Row

_ITEM_BYTES = {"float32": 4, "float16": 2, "bfloat16": 2}
# Titles, whether they are aligned to the right, and llama-bench's widths.
_COLUMNS = (
    ("model", False, 30), ("size", True, 10), ("params", True, 10), ("backend", False, 10), ("threads", True, 7),
    ("batch", True, 5), ("test", True, 15), ("t/s", True, 20),
)  # fmt: skip
_BATCH = 5


@dataclass(frozen=True)
class _Subject:
    """What the rows of one model and batch size begin with."""

    model: str
    size: str
    params: str
    backend: str
    threads: str
    batch: str


@dataclass(frozen=True)
class _Test:
    """What a row is about, by llama-bench's name for it: reading a prompt, or generating."""

    name: str
    is_generation: bool


def to_llama_bench(results: ResultSet) -> str:
    """Return the cases of generation as llama-bench prints its results; a batch size has a column if it is not 1.

    Raises
    ------
    ArgumentError
        If no time of generation was measured.
    """
    tests: dict[tuple[_Subject, _Test], list[float]] = {}
    labels = results.labels_without(size_axes(results, GENERATION))
    for row, label in zip(results.rows, labels, strict=True):
        if row.case.task == GENERATION and row.measurement.timings:
            subject = _subject(row, label)
            for test, rates in _tests(row):
                tests.setdefault((subject, test), []).extend(rates)
    failures = [f"- {markdown_code(case)}: {markdown_code(reason)}" for case, reason in list_failures(results)]
    if not tests and not failures:
        raise ArgumentError("There is nothing to show: llama-bench's table needs times of generation.", "style")
    # The prompt before the generation, as in llama-bench, for each model; otherwise in the order measured.
    ordered = {subject: sorted(_of(subject, tests), key=lambda test: test.is_generation) for subject, _ in tests}
    lines = [(*vars(s).values(), test.name, _rate(tests[s, test])) for s, names in ordered.items() for test in names]
    with_batch = any(subject.batch != "1" for subject in ordered)
    shown = [i for i in range(len(_COLUMNS)) if i != _BATCH or with_batch]
    table = _table([[line[i] for i in shown] for line in lines], [_COLUMNS[i] for i in shown]) if lines else []
    return for_stdout("\n".join([*table, *([""] if table and failures else []), *failures]))


def _subject(row: Row, label: str) -> _Subject:
    settings, facts = row.settings, row.measurement.model_facts
    dtype = str(settings.get("dtype", ""))
    return _Subject(
        model=label if dtype in label else f"{label} {dtype}".strip(),
        size=_scaled(None if facts is None else _weights_bytes(facts, dtype), 1 << 20, 1 << 30, "MiB", "GiB"),
        params=_scaled(None if facts is None else facts.parameters, 10**6, 10**9, "M", "B"),
        backend=str(settings.get("device", "")).partition(":")[0].upper(),
        threads=str(settings.get("threads") or ""),
        batch=str(row.case.batch_size),
    )


def _weights_bytes(facts: ModelFacts, dtype: str) -> int | None:
    if facts.weights_bytes is not None or dtype not in _ITEM_BYTES:
        return facts.weights_bytes
    return facts.parameters * _ITEM_BYTES[dtype] + facts.buffer_bytes


def _scaled(amount: int | None, small: int, large: int, small_unit: str, large_unit: str) -> str:
    """Return an amount as llama-bench prints it: with two digits, in one of two units; empty if it is unknown."""
    if amount is None:
        return ""
    return f"{amount / large:.2f} {large_unit}" if amount >= large else f"{amount / small:.2f} {small_unit}"


def _tests(row: Row) -> Iterator[tuple[_Test, list[float]]]:
    """Yield the two tests of a case, and their tokens per second in each call."""
    batch_size, length = row.case.sizes
    timings = row.measurement.timings
    prompt = _Test(f"pp{length}", is_generation=False)
    yield prompt, [batch_size * length / time_s for time_s in timings["ttft_s"].samples_s if time_s > 0]
    generation = _Test(f"tg{row.settings.get('new_tokens')} @ d{length}", is_generation=True)
    yield generation, [batch_size / time_s for time_s in timings["tpot_s"].samples_s if time_s > 0]


def _of(subject: _Subject, tests: Iterable[tuple[_Subject, _Test]]) -> list[_Test]:
    return [test for of, test in tests if of == subject]


def _rate(rates: Sequence[float]) -> str:
    if not rates:
        return ""
    deviation = statistics.stdev(rates) if len(rates) > 1 else math.nan
    return f"{statistics.fmean(rates):.2f} ± {0.0 if math.isnan(deviation) else deviation:.2f}"


def _table(lines: list[list[str]], columns: Sequence[tuple[str, bool, int]]) -> list[str]:
    """Return the lines of the table, padded so that it reads as plain text, too."""
    cells = [[markdown_code(line[0]), *line[1:]] for line in lines]
    widths = [max([width, *(len(line[i]) for line in cells)]) for i, (_, _, width) in enumerate(columns)]
    rule = [f"{'-' * (width - 1)}:" if right else "-" * width
            for (_, right, _), width in zip(columns, widths, strict=True)]  # fmt: skip
    return [_line([title for title, *_ in columns], columns, widths), f"| {' | '.join(rule)} |"] + [
        _line(line, columns, widths) for line in cells
    ]


def _line(texts: Sequence[str], columns: Sequence[tuple[str, bool, int]], widths: Sequence[int]) -> str:
    padded = [
        text.rjust(width) if right else text.ljust(width)
        for text, (_, right, _), width in zip(texts, columns, widths, strict=True)
    ]
    return f"| {' | '.join(padded)} |"
