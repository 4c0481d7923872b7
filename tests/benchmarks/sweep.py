"""The sweep of the documentation of Transformers' benchmark: three configurations of BERT, four lengths."""

from __future__ import annotations

import statistics
from collections.abc import Iterator
from typing import Any

from launching import Outcome, run_program
from peers import ORIGINAL
from report import Row

SWEEP: dict[str, Any] = {
    "models": {"bert-base": {}, "bert-384-hid": {"hidden_size": 384}, "bert-6-lay": {"num_hidden_layers": 6}},
    "batch_size": 8,
    "lengths": [8, 32, 128, 512],
}
# Half of an interval's width as a share of the median: what is wider must be flagged.
WANTED_PRECISION = 0.05


def documentation_sweep() -> Iterator[Row]:
    """Run ours and the floor of its result, and the original in between; one after the other.

    Ours by default, then in one round, as the original measures; each with the floor of what it ran.
    """
    default = run_program("ours", SWEEP)
    yield from _ours("ours, by default within 2 %", default)
    yield _against_the_floor(default)
    original = run_program("original", SWEEP, ORIGINAL.python())
    single = run_program("ours", {**SWEEP, "options": {"rounds": 1}})
    yield from _ours("ours, in one round", single)
    yield _against_the_floor(single)
    if original.found is None:
        yield ORIGINAL.name, original.why, "a result"
        return
    ratios = [original.wall_s / ours.wall_s for ours in (default, single)]
    yield (
        ORIGINAL.name,
        f"{original.wall_s:.1f} s: {ratios[0]:.2f} times ours by default, {ratios[1]:.2f} times ours in one round",
        "at least 6 times",
    )
    for what in ("time_s", "memory_mb"):
        theirs, own = _by_case(original, what), _by_case(default, what)
        quotients = [theirs[case] / own[case] for case in own if _are_numbers(theirs[case], own[case])]
        measured = f"median {statistics.median(quotients):.3f}, {min(quotients):.3f} to {max(quotients):.3f}, "
        yield (
            f"{ORIGINAL.name}: its {what} against ours",
            (measured if quotients else "") + f"{len(quotients)} of {len(own)} cases",
            "reported",
        )


def _are_numbers(*values: Any) -> bool:
    return all(isinstance(value, int | float) for value in values)


def _ours(name: str, outcome: Outcome) -> Iterator[Row]:
    cases = outcome.answer()["cases"]
    build_s, calls_s = (sum(case.get(what, 0.0) for case in cases) for what in ("build_s", "calls_s"))
    yield (
        f"{name}: {len(cases)} cases, {outcome.answer()['threads']} threads",
        f"{outcome.wall_s:.1f} s: building {build_s:.1f} s, passes {calls_s:.1f} s, all else "
        f"{outcome.wall_s - build_s - calls_s:.1f} s",
        "reported",
    )
    failed = [f"{case['model']} {case['length']}: {case['error']}" for case in cases if case["status"] != "ok"]
    precise = sum(case["half_width"] <= WANTED_PRECISION for case in cases if case["status"] == "ok")
    noisy = sum(case["noisy"] for case in cases if case["status"] == "ok")
    silent = sum(c["half_width"] > WANTED_PRECISION and not c["noisy"] for c in cases if c["status"] == "ok")
    yield (
        f"{name}: intervals of the median",
        f"{precise} of {len(cases)} within 5 %; {noisy} flagged as noisy; {silent} wide and not flagged"
        + "".join(f"; {failure}" for failure in failed),
        f"all {len(cases)} within 5 % or flagged",
    )


def _against_the_floor(ours: Outcome) -> Row:
    """Run what ours ran, and nothing else."""
    cases = ours.answer()["cases"]
    calls = {f"{case['model']} {case['length']}": case["calls"] for case in cases}
    floor = run_program("floor", {**SWEEP, "calls": calls})
    found = floor.answer()
    # The same passes do not take as long twice on a machine that is shared; what is added to them is of interest.
    as_long_s = ours.wall_s - sum(case["calls_s"] for case in cases) + found["calls_s"]
    return (
        f"its floor: {len(SWEEP['models'])} models built, {sum(calls.values())} passes",
        f"{floor.wall_s:.1f} s: building {found['build_s']:.1f} s, passes {found['calls_s']:.1f} s; ours took "
        f"{ours.wall_s / floor.wall_s:.3f} times as long, {as_long_s / floor.wall_s:.3f} with passes as long as here",
        "at most 1.25 times",
    )


def _by_case(outcome: Outcome, what: str) -> dict[tuple[str, int], Any]:
    return {(case["model"], case["length"]): case.get(what) for case in outcome.answer()["cases"]}
