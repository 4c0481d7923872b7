"""The interface of workloads, and what they share."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Protocol, cast

from hfbench_nb.protocol.case import Case, Settings
from hfbench_nb.protocol.facts import ModelFacts
from hfbench_nb.protocol.request import ModelSpec, PickledFunction
from hfbench_nb.worker.backends.base import Built, CodeRuntime, Runtime, SharingRuntime
from hfbench_nb.worker.backends.base_counting import Counted
from hfbench_nb.worker.clock import Parts
from hfbench_nb.worker.memory import Peak


@dataclass(frozen=True)
class Phases:
    """How to make a call whose phases have peaks of memory of their own.

    Attributes
    ----------
    names
        The phases, in their order.
    call
        Makes the call, and calls the function that it is given where one phase ends and the next begins.
    """

    names: tuple[str, ...]
    call: Callable[[Callable[[], None]], object]


@dataclass(frozen=True)
class Prepared:
    """A call that is ready to be measured, and the memory before it.

    Attributes
    ----------
    call
        What is measured.
    baseline_bytes
        Memory before anything was loaded that does not count as baseline, bytes.
    loaded_bytes
        Memory once everything that the call needs is loaded, less what a model holds in addition to its weights, bytes.
    model
        The model that the call runs, if there is one.
    note
        What a reader of the metrics should know of the inputs.
    model_facts
        What the model consists of, if there is one and that is known.
    build_s
        How long building the model took, seconds.
    details
        What else is worth showing.
    explain
        Returns what is reported instead of an error that the call has raised.
    phases
        How to make the call where memory is read: in phases; None for a call that has only one.
    parts
        Parts of a call whose durations are samples, too, by the name of their metric; None for a call without such.
        Calls that are made in `phases` do not count, unless it is the first.
    parts_decide
        Whether timing goes on until the parts are known precisely, in place of the whole call.
    metrics
        Asked once, when the calls for memory and time have been made: further metrics by name, in the units of the
        metrics registry.  A value that is no finite number counts as absent.
    count
        Counts what a call computes and moves, once everything else was measured; None where that is not known.
    """

    call: Callable[[], object]
    baseline_bytes: int
    loaded_bytes: int
    model: Any = None
    note: str = ""
    model_facts: ModelFacts | None = None
    build_s: float = 0.0
    details: dict[str, Any] = field(default_factory=dict)
    explain: Callable[[Exception], Exception] = lambda error: error
    phases: Phases | None = None
    parts: Parts | None = None
    parts_decide: bool = True
    metrics: Callable[[], Mapping[str, float]] = dict
    count: Counted | None = None

    @property
    def decisive_parts(self) -> Parts | None:
        """The parts that must be known precisely, if there are any."""
        return self.parts if self.parts_decide else None

    def watched_by(self, peak: Peak) -> Callable[[], object]:
        """Return the call, as it is made while a peak is read."""
        phases = self.phases
        return self.call if phases is None else lambda: phases.call(peak.split)


class Workload(Protocol):
    """What is measured for a task, made from a case and its subject.

    Attributes
    ----------
    shared
        The model, where it was built for several cases (`hfbench_nb.worker.shared_build.SharedBuild`); None otherwise.
    """

    shared: Any

    def __init__(self, case: Case, subject: ModelSpec | PickledFunction) -> None: ...

    def prepare(self, runtime: Runtime) -> Prepared:
        """Load what is needed, in the worker."""
        ...


class SharingWorkload(Workload, Protocol):
    """A workload whose model can be built for several cases."""

    def build(self, runtime: Runtime) -> LoadedModel:
        """Build the model, in a process that forks the workers of these cases."""
        ...


@dataclass(frozen=True)
class LoadedModel:
    """A model that was built, and the memory before and after; see `Prepared`."""

    built: Built
    baseline_bytes: int
    loaded_bytes: int
    build_s: float

    def with_notes(self, notes: Iterable[str]) -> LoadedModel:
        """Return the same model with further notes on it."""
        note = "; ".join(filter(None, [self.built.note, *notes]))
        return replace(self, built=replace(self.built, note=note))


def take_over(runtime: SharingRuntime, shared: LoadedModel, resolved: Settings, *, training: bool) -> LoadedModel:
    """Use a model that the process from which this one was forked has built; its weights take what they took there."""
    built = runtime.take_over(shared.built, resolved, training=training)
    loaded_bytes = in_use_bytes(runtime) - built.unsaved_bytes
    weights_bytes = shared.loaded_bytes - shared.baseline_bytes
    return LoadedModel(built, loaded_bytes - weights_bytes, loaded_bytes, shared.build_s)


def build_model(
    runtime: Runtime, spec: ModelSpec, kind: str, *, training: bool, make: Callable[[], object] | None = None
) -> LoadedModel:
    """Build a model and read the memory that its weights take.

    Parameters
    ----------
    runtime
        The framework.
    spec
        The model.
    kind
        Kind of class, a key of `hfbench_nb.protocol.model_kinds.CLASS_MAPPINGS`.
    training
        Whether the model is put into training mode.
    make
        The user's own function that returns the model; None to build it from its configuration.
    """
    # What is free would be used for weights, which would then seem to take less by as much.
    baseline_bytes = in_use_bytes(runtime)
    start = time.perf_counter()
    if make is None:
        built = runtime.build(spec, kind, training=training)
    else:
        built = cast(CodeRuntime, runtime).adopt(make, training=training)
    build_s = time.perf_counter() - start
    # Buffers that no checkpoint stores, such as GPT-2's causal masks, are working memory, not weights.
    loaded_bytes = in_use_bytes(runtime) - built.unsaved_bytes
    if built.weights_bytes is not None:
        baseline_bytes = loaded_bytes - built.weights_bytes
    if built.baseline_bytes is not None:
        baseline_bytes = built.baseline_bytes
    return LoadedModel(built, min(baseline_bytes, loaded_bytes), loaded_bytes, build_s)


def in_use_bytes(runtime: Runtime) -> int:
    """Return the memory in use, bytes, after releasing what was needed only temporarily."""
    runtime.meter.release()
    return runtime.meter.current_bytes()
