"""Making comparisons: of two runs, or of the cases of one run and their partners in it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from hfbench_nb.analysis.pairs import match_cases
from hfbench_nb.analysis.partners import pair_with_partners
from hfbench_nb.analysis.surroundings import differing_facts, machine_slowdown
from hfbench_nb.display.comparison import Comparison
from hfbench_nb.protocol.errors import wrong_value
from hfbench_nb.results.result_set import ResultSet

# What a note tells of: less is hidden by its rounding.
_LEAST_SLOWDOWN = 1.005
_ONE_ROUND = "cases with one round: the intervals do not cover what differs between processes"


def compare(
    results: ResultSet,
    other: ResultSet,
    *,
    names: tuple[str, str] = ("this", "other"),
    models: Mapping[str, str] | None = None,
) -> Comparison:
    """Compare with another run, case by case: time and memory of this divided by those of the other.

    Cases are matched by model, task, batch size, sequence length and the axes that vary within one of the two;
    framework, versions and axes with one value in each may differ.

    Parameters
    ----------
    results
        What to compare, called *this*; the results themselves when called as a method.
    other
        What to compare with, such as an earlier run or `load_reference`.
    names
        Names of the two runs in tables and plots, as in ``("after", "before")``.
    models
        Names of models in this run with their names in the other, where they differ.  A prefixed organisation
        (``google-bert/bert-base-uncased``) and letter case are ignored.

    Returns
    -------
    Comparison
        It also lists the cases that only one side has.

    Raises
    ------
    ArgumentError
        If the two have no case in common, a parameter cannot be used, or `other` has a case more than once (because
        several runs were added) and its framework does not show which is meant.

    Notes
    -----
    Where both runs measured a case in several rounds, the interval of its ratio covers what differs between processes
    and moments (`hfbench_nb.protocol.round_stats.independent_ratio`).  What it cannot cover is that the machine itself
    was slower during one of the runs: the intervals reach from the ratio as it is to the ratio without what the
    machine's reference piece of work says of that, the less the less certain it is
    (`hfbench_nb.protocol.round_stats.shrunk_ratio`).  A note says how much slower the machine was, or may have been.
    """
    if not isinstance(other, ResultSet):
        raise wrong_value("other", other, "results, as a benchmark, load_results, read_csv or load_reference give them")
    if isinstance(names, str) or len(names) != 2:
        raise wrong_value("names", names, "two names, as in ('after', 'before')")
    this_name, other_name = map(str, names)
    pairs, *alone = match_cases(results, other, models or {})
    slowdown = machine_slowdown(pairs)
    notes = [f"{each.name}: {each.this} ({this_name}), {each.other} ({other_name})" for each in differing_facts(pairs)]
    slower, factor = (this_name, slowdown.value) if slowdown.value > 1 else (other_name, 1 / slowdown.value)
    if factor >= _LEAST_SLOWDOWN:
        was = "was" if slowdown.is_certain else "may have been"
        notes.append(f"the machine {was} {factor:.2f} times slower during {slower}: the intervals allow for that")
    pairs = [replace(pair, slowdown=slowdown.value) for pair in pairs]
    return Comparison(pairs, (alone[0], alone[1]), (this_name, other_name), notes)


def relative(results: ResultSet, to: str | Mapping[str, Any]) -> Comparison:
    """Compare each case with its partner in the same results: time and memory divided by those of the partner.

    The ratio is that of each round, in which both were measured soon after each other, in an order that alternates:
    what both share in a round cancels out.

    Parameters
    ----------
    results
        What to compare; the results themselves when called as a method.
    to
        What with: a model or a label, such as ``"bert-base"``, whose sizes, task and settings agree; or settings, such
        as ``{"dtype": "float32"}``, of the same model.

    Returns
    -------
    Comparison
        One row per case that has a partner.

    Raises
    ------
    ArgumentError
        If no case has what `to` names, or none has a partner.

    Notes
    -----
    The 95 % interval is Student's over the logarithms of the rounds' ratios
    (`hfbench_nb.protocol.round_stats.paired_ratio`).  Of one round it is that of two independent medians, which knows
    nothing of what differs between processes; a note says so.
    """
    pairs, alone = pair_with_partners(results, to)
    name = to if isinstance(to, str) else ", ".join(f"{key}={value}" for key, value in to.items())
    compared = [(pair.this.measurement, pair.other.measurement) for pair in pairs]
    of_one_round = any(
        this.succeeded and other.succeeded and min(len(this.each_round), len(other.each_round)) < 2
        for this, other in compared
    )
    notes = [_ONE_ROUND] if of_one_round else []
    return Comparison(pairs, (alone, ()), ("case", name), notes)
