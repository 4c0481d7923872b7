"""A gate for regressions: which cases of a comparison are worse than a baseline by more than is allowed."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from hfbench_nb.analysis.ratios import Pair
from hfbench_nb.display.comparison import Comparison
from hfbench_nb.display.comparison_parts import UNDECIDED
from hfbench_nb.display.json_export import check_direction, entry_of
from hfbench_nb.protocol.registry import Registry
from hfbench_nb.rendering.escaping import for_stdout, markdown_code, printable
from hfbench_nb.rendering.units import format_ratio
from hfbench_nb.results.metrics import Metric

WORSE, NOT_WORSE = "worse", "not worse"


@dataclass(frozen=True)
class Judgement:
    """What the interval of a ratio says of one metric of a case.

    Attributes
    ----------
    verdict
        `WORSE` if the whole interval is beyond what is allowed, `NOT_WORSE` if none of it is, else `UNDECIDED`.
    """

    pair: Pair
    metric: Metric
    verdict: str

    def __str__(self) -> str:
        estimate = self.pair.estimate(self.metric)
        this, other = map(self.metric.text, self.pair.values(self.metric))
        interval = "" if math.isnan(estimate.low) else f" [{format_ratio(estimate.low)}, {format_ratio(estimate.high)}]"
        return f"{self.pair.this}: {self.metric.name} {this} / {other} = {format_ratio(estimate.value)}{interval}"


class Gate:
    """Judges each metric of each case of a comparison of a current run with a baseline.

    Parameters
    ----------
    comparison
        The current run and the baseline.
    fail_above
        The share by which a case may be worse; None to judge nothing.
    """

    def __init__(self, comparison: Comparison, fail_above: float | None) -> None:
        self.comparison = comparison
        self.fail_above = fail_above
        verdicts = {True: WORSE, False: NOT_WORSE, None: UNDECIDED}
        self.judgements = [
            Judgement(pair, metric, verdicts[pair.worse_by_more_than(metric, fail_above or 0.0)])
            for pair in comparison.pairs
            for metric in comparison.metrics
            if comparison.has_both(pair, metric)
        ]

    def of(self, verdict: str) -> list[Judgement]:
        """Return what was judged so; nothing if no limit was given."""
        return [] if self.fail_above is None else [each for each in self.judgements if each.verdict == verdict]

    @property
    def missing(self) -> list[str]:
        """The cases of the baseline that the current run lacks, or in which one of the metrics is missing now."""
        baseline = self.comparison.names[1]
        absent = [case for name, case in self.comparison.alone() if name == baseline]
        for pair in self.comparison.pairs:
            lost = [
                metric.name
                for metric in self.comparison.metrics
                if math.isnan(pair.values(metric)[0]) and not math.isnan(pair.values(metric)[1])
            ]
            if lost:
                absent.append(f"{pair.this}: no {', '.join(lost)} ({pair.this.measurement.status})")
        return absent

    def summary(self) -> list[tuple[str, list[str]]]:
        """Return headings with the cases to which each applies; none without cases."""
        percent = f"{100 * (self.fail_above or 0.0):g} %"
        found = [
            (f"worse by more than {percent}", [str(each) for each in self.of(WORSE)]),
            (f"cannot be told whether worse by more than {percent}", [str(each) for each in self.of(UNDECIDED)]),
            ("missing in the current run", self.missing),
        ]
        return [(heading, cases) for heading, cases in found if cases]


Write = Callable[[Gate], str]


@dataclass(frozen=True)
class GateFormat:
    """A form in which the shell writes what a gate has found."""

    name: str
    write: Write


FORMATS: Registry[GateFormat] = Registry("format")


def _text(gate: Gate) -> str:
    lines = [str(gate.comparison)]
    for heading, cases in gate.summary():
        lines += [f"{heading}:", *(f"- {printable(case)}" for case in cases)]
    if gate.fail_above is not None and not gate.of(WORSE):
        lines.append(f"No case is worse by more than {100 * gate.fail_above:g} %.")
    return for_stdout("\n".join(lines))


def _markdown(gate: Gate) -> str:
    parts = []
    if gate.fail_above is not None:
        found = gate.of(WORSE)
        verdict = f"{len(found)} of {len(gate.judgements)}" if found else "None"
        parts.append(f"**{verdict} worse by more than {100 * gate.fail_above:g} %**")
    for heading, cases in gate.summary():
        parts.append("\n".join([f"{heading}:", "", *(f"- {markdown_code(case)}" for case in cases)]))
    return "\n\n".join([*parts, gate.comparison.to_markdown()])


def _json(gate: Gate) -> str:
    data = {
        "names": list(gate.comparison.names),
        "notes": list(gate.comparison.notes),
        "fail_above": gate.fail_above,
        "cases": [_judgement_data(gate, each) for each in gate.judgements],
        "missing": gate.missing,
    }
    return json.dumps(data, indent=2)


def _judgement_data(gate: Gate, judgement: Judgement) -> dict[str, Any]:
    pair, metric = judgement.pair, judgement.metric
    estimate, (this, other) = pair.estimate(metric), pair.values(metric)
    numbers = {"current": this, "baseline": other, **estimate._asdict()}
    numbers["ratio"] = numbers.pop("value")
    return {
        **pair.this.case.to_dict(),
        "label": pair.this.label,
        "metric": metric.name,
        **{name: number if math.isfinite(number) else None for name, number in numbers.items()},
        "verdict": None if gate.fail_above is None else judgement.verdict,
    }


def _github_action_benchmark(gate: Gate) -> str:
    """Write the current run as github-action-benchmark's ``customSmallerIsBetter`` or ``customBiggerIsBetter``."""
    check_direction(gate.comparison.metrics)
    entries = [entry_of(each.pair.this, each.metric, extra=str(each)) for each in gate.judgements]
    return json.dumps(entries, indent=2)


for _name, _write in (
    ("text", _text), ("markdown", _markdown), ("json", _json), ("github-action-benchmark", _github_action_benchmark),
):  # fmt: skip
    FORMATS.register(GateFormat(_name, _write))
