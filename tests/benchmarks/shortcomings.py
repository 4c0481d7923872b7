"""What each tool gets wrong, in one case: found by running it, never from hearsay."""

from __future__ import annotations

import statistics
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from launching import Outcome, run_program
from peers import OPTIMUM, ORIGINAL, Peer
from report import Row

CELL: dict[str, Any] = {"models": {"bert-6-lay": {"num_hidden_layers": 6}}, "batch_size": 8, "lengths": [64]}
# Each takes less than half of it when nothing hangs.
TIMEOUT_S = 180.0


@dataclass(frozen=True)
class Tool:
    """A tool, and what it says of the spread of its times."""

    name: str
    program: str
    peer: Peer | None
    spread: str
    # optimum-benchmark's own default is 10 s of passes.
    options: tuple[tuple[str, float], ...] = ()

    def run(self, **changes: Any) -> Outcome:
        """Measure the case."""
        request = {**CELL, "options": dict(self.options), **changes}
        return run_program(self.program, request, self._python(), TIMEOUT_S)

    def bare(self) -> dict[str, float]:
        """Measure the same case by a plain script in the tool's environment."""
        request = {**CELL, "length": CELL["lengths"][0], "seconds": 3.0}
        return run_program("bare", request, self._python(), TIMEOUT_S).answer()

    def _python(self) -> str:
        return sys.executable if self.peer is None else self.peer.python()


TOOLS = (
    Tool("ours", "ours", None, "95 % interval of the median, a flag, all samples"),
    Tool(ORIGINAL.name, "original", ORIGINAL, "nothing: the smallest of 3 means of 10"),
    Tool(OPTIMUM.name, "optimum_cases", OPTIMUM, "standard deviation, all samples", (("duration", 3.0),)),
)
COLUMNS = ("what", *(tool.name for tool in TOOLS))


def shortcomings() -> Iterator[Row]:
    """Compare each tool with a plain script in its environment, and see what the state of its caller does to it."""
    bare = [[tool.bare()] for tool in TOOLS]
    fresh = [tool.run() for tool in TOOLS]
    for tool, runs in zip(TOOLS, bare, strict=True):
        runs.append(tool.bare())
    for what, title in (("time_s", "time against a bare script"), ("memory_mb", "peak memory against a bare script")):
        yield (title, *(_against(outcome, runs, what) for outcome, runs in zip(fresh, bare, strict=True)))
    yield ("processor time of the calling process, share of a core while it measures", *map(_share, fresh))
    yield ("what it says of the spread", *(tool.spread for tool in TOOLS))
    holding = [tool.run(caller="holds memory") for tool in TOOLS]
    yield (
        "memory when the caller holds 1 GiB, against a fresh caller",
        *(_changed(late, early, "memory_mb") for late, early in zip(holding, fresh, strict=True)),
    )
    threaded = [tool.run(caller="used threads") for tool in TOOLS]
    yield (
        "time when the caller has used PyTorch's threads, against a fresh caller",
        *(_changed(late, early, "time_s") for late, early in zip(threaded, fresh, strict=True)),
    )
    too_long = [tool.run(lengths=[64, 1024]) for tool in TOOLS]
    yield ("lengths 64 and 1024 of a model with 512 positions", *map(_after_a_failure, too_long))


def _case(outcome: Outcome) -> dict[str, Any]:
    found: dict[str, Any] = outcome.answer()["cases"][0]
    return found


def _number(outcome: Outcome, what: str) -> float | str:
    """Return a figure, or why there is none."""
    if outcome.found is None:
        return outcome.why
    value = _case(outcome).get(what)
    return float(value) if isinstance(value, int | float) else f"{value!r} {_case(outcome).get('error', '')}"


def _against(outcome: Outcome, bare: list[dict[str, float]], what: str) -> str:
    found, true = _number(outcome, what), statistics.fmean(run[what] for run in bare)
    return found if isinstance(found, str) else f"{found / true:.3f}"


def _changed(late: Outcome, early: Outcome, what: str) -> str:
    found, before = _number(late, what), _number(early, what)
    if isinstance(found, str) or isinstance(before, str):
        return str(found)
    return f"{found / before:.3f}"


def _share(outcome: Outcome) -> str:
    if outcome.found is None:
        return outcome.why
    return f"{100 * outcome.found['measuring_cpu_s'] / outcome.found['measuring_s']:.1f} %"


def _after_a_failure(outcome: Outcome) -> str:
    if outcome.found is None:
        return f"no figure at all: {outcome.why}"
    return "; ".join(
        f"{case['length']}: " + (case.get("error") or f"{_short(case['time_s'])} s, {_short(case['memory_mb'])} MB")
        for case in outcome.found["cases"]
    )


def _short(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)
