"""Generation: a call of the model's own ``generate``, whose tokens are timed one by one.

Greedy, with the model's cache, and exactly as many new tokens as asked for.  The first token ends the prefill; the
others are decoded.  A token's time is that at which the backend hands it over on the host: reading the clock then costs
well below a microsecond.
"""

from __future__ import annotations

import itertools
import time
from array import array
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import NamedTuple, cast

from hfbench_nb.protocol.case import Case
from hfbench_nb.protocol.measurement import MEGABYTE
from hfbench_nb.protocol.model_kinds import GENERATIVE
from hfbench_nb.protocol.request import ModelSpec, PickledFunction
from hfbench_nb.worker.backends.base import CallInputs, GenerateCall, GeneratingRuntime, Runtime
from hfbench_nb.worker.backends.base_counting import Counted, CountingRuntime, PhasedCall, added, continued
from hfbench_nb.worker.backends.first_tokens import generate_first
from hfbench_nb.worker.workloads.base import Phases, Prepared
from hfbench_nb.worker.workloads.model_pass import ModelPass

PHASES = ("prefill", "decode")

# Tokens that are generated to count what all compute: what attention computes grows evenly from one to the next.
_COUNTED = 3


class _Call(NamedTuple):
    """When a call started, and when each of its tokens came, by the clock `time.perf_counter`."""

    start: float
    tokens: array[float]

    @property
    def ttft_s(self) -> float:
        """Time to the first new token, seconds."""
        return self.tokens[0] - self.start

    @property
    def tpot_s(self) -> float:
        """Mean time per further token, seconds."""
        return (self.tokens[-1] - self.tokens[0]) / (len(self.tokens) - 1)

    @property
    def gaps_s(self) -> list[float]:
        """Time from each token to the next, seconds, to the nanosecond."""
        return [round(later - earlier, 9) for earlier, later in itertools.pairwise(self.tokens)]


class Generation(ModelPass):
    """One call of ``generate``."""

    kind = GENERATIVE

    def __init__(self, case: Case, subject: ModelSpec | PickledFunction) -> None:
        super().__init__(case, subject)
        self._generate: GenerateCall
        self._calls: list[_Call] = []

    def prepare(self, runtime: Runtime) -> Prepared:
        """Build the model and make its prompts."""
        prepared = super().prepare(runtime)
        return replace(prepared, phases=Phases(PHASES, self._call_in_phases), parts=self._parts, metrics=self._metrics)

    def make_inputs(self, runtime: Runtime, model: object, *, labels: bool) -> CallInputs:
        """Return random prompts."""
        return cast(GeneratingRuntime, runtime).make_prompt(model, self.case)

    def make_call(self, runtime: Runtime, model: object, inputs: CallInputs) -> Callable[[], object]:
        """Return the call."""
        self._generate = cast(GeneratingRuntime, runtime).generate_call(model, inputs, self.case)
        return self._call

    def _call(self) -> None:
        tokens, now = array("d"), time.perf_counter
        append = tokens.append
        start = now()
        self._generate(lambda: append(now()))
        self._calls.append(_Call(start, tokens))

    def _call_in_phases(self, next_phase: Callable[[], None]) -> None:
        """Generate, and tell when the first token ends the prefill."""
        first = iter([next_phase])
        self._generate.watched(lambda: next(first, _nothing)())

    def _parts(self, calls: int) -> dict[str, list[float]]:
        last = self._calls[-calls:]
        return {
            "ttft_s": [call.ttft_s for call in last],
            "tpot_s": [call.tpot_s for call in last],
            "itl_s": [gap_s for call in last for gap_s in call.gaps_s],
        }

    def _counted(
        self, runtime: Runtime, call: Callable[[], object], model: object, inputs: CallInputs
    ) -> Counted | None:
        """Return what counts a call, if the backend can, and what each token after the first must read."""
        if not isinstance(runtime, CountingRuntime):
            return None

        new_tokens = int(self.case.settings["new_tokens"] or 0)
        few = min(new_tokens, _COUNTED)

        def call_of(model: object, inputs: CallInputs) -> PhasedCall:
            generate = cast(GeneratingRuntime, runtime).generate_call(model, inputs, self.case)
            return partial(generate_first, few, generate)

        def count() -> dict[str, float]:
            call = partial(generate_first, few, self._generate)
            prefill, *steps = runtime.count(call, call_of, model, inputs)[:few]
            read_bytes = sum(step.parameter_bytes for step in steps) / len(steps)
            return {
                **added([prefill, *continued(steps, new_tokens - 1)]).metrics,
                "token_parameters_mb": read_bytes / MEGABYTE,
            }

        return count

    def _metrics(self) -> dict[str, float]:
        cache_bytes = self._generate.cache_bytes
        return {} if cache_bytes is None else {"kv_cache_mb": cache_bytes / MEGABYTE}


def _nothing() -> None:
    """Do nothing: the decode goes on."""
