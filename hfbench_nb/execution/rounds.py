"""The rounds of a run: which case is measured next, and what is known of each."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from hfbench_nb.protocol.case import Case
from hfbench_nb.protocol.facts import Costs
from hfbench_nb.protocol.measurement import Measurement
from hfbench_nb.protocol.merging import merge
from hfbench_nb.protocol.request import Method
from hfbench_nb.results.environment import Environment

# As many rounds of a case as are measured in any case, if so many are requested: fewer tell little.
_LEAST_ROUNDS = 3


@dataclass(frozen=True)
class Job:
    """A round of a case, counted from 1, that is to be measured."""

    case: Case
    round: int


class Rounds:
    """What was measured, and what is still to be.

    Cases are interleaved: each is measured once before any is measured again, so that its rounds are spread over the
    run.  The order alternates between forwards and backwards: a drift affects two cases alike.

    Parameters
    ----------
    cases
        The cases of the run.
    method
        How they are measured: the number of rounds, and the budget of a case that its rounds share.
    order
        The order in which they are measured where there are several rounds; by default that of the sweep.
    """

    def __init__(self, cases: Sequence[Case], method: Method, order: Sequence[Case] | None = None) -> None:
        self._cases = cases
        self._order = cases if order is None or method.rounds == 1 else order
        self._method = method
        self._taken: dict[Case, dict[int, Measurement]] = {}
        self._merged: dict[Case, Measurement] = {}
        self._environments: dict[Case, Environment] = {}

    def keep(self, case: Case, measurements: Sequence[Measurement], environment: Environment) -> None:
        """Take over the rounds of a case that an earlier run has measured."""
        for measurement in measurements:
            self.add(case, measurement, environment)

    def add(self, case: Case, measurement: Measurement, environment: Environment) -> Measurement:
        """Record a round of a case; return what all of its rounds say."""
        self._taken.setdefault(case, {})[measurement.round] = measurement
        self._environments.setdefault(case, environment)
        self._merged[case] = merge([*self._taken[case].values()])
        return self._merged[case]

    def finished(self) -> list[tuple[Case, Measurement, Environment]]:
        """Return the cases with at least one round, in the order of the sweep, and what their rounds say together."""
        return [(case, self._merged[case], self._environments[case]) for case in self._cases if case in self._merged]

    def jobs(self, claim: Callable[[Case], bool] = lambda case: True) -> Iterator[Job]:
        """Return each case that is to be measured, one after the other, and in which round.

        Parameters
        ----------
        claim
            Returns whether a case that is to be measured may be, where several machines share the run.
        """
        for number in range(1, self._method.rounds + 1):
            for case in self._order if number % 2 else reversed(self._order):
                if self.needs(case, number) and claim(case):
                    yield Job(case, number)

    def needs(self, case: Case, number: int) -> bool:
        """Return whether a round of a case is to be measured.

        A case that failed is not tried again.  One that has taken its time budget, since its passes or the start of its
        workers take long, is done once it has as many samples as requested, in `_LEAST_ROUNDS` rounds.
        """
        taken = self._taken.get(case, {})
        return number not in taken and not self._is_done(taken)

    def left(self, case: Case) -> int:
        """Return in how many rounds a case is still to be measured, as far as is known."""
        taken = self._taken.get(case, {})
        return 0 if self._is_done(taken) else sum(n not in taken for n in range(1, self._method.rounds + 1))

    def _is_done(self, taken: Mapping[int, Measurement]) -> bool:
        """Return whether a case needs no round beside those taken."""
        return bool(taken) and (not all(each.succeeded for each in taken.values()) or self._has_spent(taken))

    def _has_spent(self, taken: Mapping[int, Measurement]) -> bool:
        """Return whether the rounds of a case have used up its budget, with the start of each worker and its device."""
        costs = Costs.total(each.costs for each in taken.values())
        if not self._method.speed:
            return costs.calls_s + costs.before_calls_s >= self._method.max_seconds
        timings = [each.timing for each in taken.values() if each.timing is not None]
        samples_s = sum(sum(timing.samples_s) * timing.calls_per_sample for timing in timings)
        return (
            len(timings) >= _LEAST_ROUNDS
            and sum(len(timing.samples_s) for timing in timings) >= self._method.repeat
            and samples_s + costs.before_calls_s >= self._method.max_seconds
        )
