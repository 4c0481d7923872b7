"""PyTorch: reading the events of a trace: whose time each is, so that all of them add up to the call.

An operator belongs to the module in whose forward pass it ran.  One of a backward pass belongs to where the operator
ran whose gradient it computes, which autograd knows by a number; adding up gradients, to what was computed before.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from torch.autograd import DeviceType  # type: ignore[attr-defined]

from hfbench_nb.protocol import profile
from hfbench_nb.protocol.profile import Operator, Profile
from hfbench_nb.worker.backends.pytorch_groups import Grouping, Part

CALL = "hfbench: the call"
"""Name of the range around the call."""
_NODE = "autograd::engine::evaluate_function: "
_OPTIMIZER = "Optimizer.step#"
_MEMORY = "[memory]"
# What marks the kernels of a compiled graph, and the code around it, by the start of its name.
_COMPILED = {"## Call CompiledFxGraph": "compiled kernels", "Torch-Compiled Region": "compiled region"}

Event = Any
"""A `torch.autograd.profiler_util.FunctionEvent`."""


class Shortened(NamedTuple):
    """How many tokens were generated, and how many are where nothing is traced."""

    traced: int
    usual: int


@dataclass(slots=True)
class _Node:
    """An event in the tree of a call.

    Attributes
    ----------
    event
        The event.
    part
        Position of the innermost module that runs; None outside of all.
    within
        Position of the range of that module among the nodes.
    link
        Position of the node whose group it has, since it belongs to the backward pass.
    in_optimizer
        Whether it belongs to the optimizer's step.
    is_range
        Whether it is no operator, but a mark around some.
    """

    event: Event
    part: int | None = None
    within: int | None = None
    link: int | None = None
    in_optimizer: bool = False
    is_range: bool = False


class Spent:
    """What each operator of a call took.

    Parameters
    ----------
    events
        All events of the trace, with one range around the call.
    parts, labels
        The modules, and their positions by the names of their ranges.
    shortened
        How a generation was shortened; None for other calls.
    untraced_s
        Duration of the same call on a device without a trace, seconds: the device's own times count, and the rest it
        waits, since a trace lengthens what the host does.  None where the host itself computes.

    Attributes
    ----------
    notes
        What a reader should know.
    """

    def __init__(
        self,
        events: Iterable[Event],
        parts: Sequence[Part],
        labels: Mapping[str, int],
        shortened: Shortened | None,
        untraced_s: float | None = None,
    ) -> None:
        self._parts, self._labels = parts, labels
        self._untraced_s, self._on_device = untraced_s, untraced_s is not None
        on_host = sorted(
            (each for each in events if each.device_type == DeviceType.CPU and not each.is_async),
            key=lambda each: (each.time_range.start, -each.time_range.end),
        )
        self._call = next(each for each in on_host if each.name == CALL)
        self._nodes = [*self._walk(self._tops(on_host))]
        self._tell_parts()
        self._grouping = Grouping(parts)
        self._layers_end = self._ends_of_layers()
        self.notes: list[str] = []
        self._later_from, self._weight = self._scale(shortened)

    def profile(self, note: str, trace: str) -> Profile:
        """Return what was found."""
        found: dict[tuple[str, str], list[float]] = {}
        groups: list[str] = []
        for node in self._nodes:
            groups.append(self._group(node, groups))
            calls, spent_us = self._spent(node)
            size = 0 if node.is_range else self._bytes(node.event)
            if node.event.name != _MEMORY and (spent_us or size):
                total = found.setdefault((_name(node), groups[-1]), [0.0, 0.0, 0.0])
                for i, amount in enumerate((0 if node.is_range else calls, spent_us, size)):
                    total[i] += amount
        if self._on_device:
            found[profile.WAITING, profile.IDLE] = [0, self._idle_us(), 0]
        operators = [
            Operator(name, group, round(calls), round(max(0.0, spent_us) / 1e6, 9), round(size))
            for (name, group), (calls, spent_us, size) in found.items()
        ]
        operators.sort(key=lambda each: -each.self_s)
        traced_s = round(math.fsum(each.self_s for each in operators), 9)
        return Profile(traced_s, tuple(operators), self._grouping.classes(), note, trace)

    def _tops(self, events: Sequence[Event]) -> Iterator[Event]:
        """Return the call, and what runs meanwhile in other threads, such as autograd's for a device."""
        span = self._call.time_range
        for event in events:
            is_meanwhile = span.start <= event.time_range.start < span.end and event.thread != self._call.thread
            if event is self._call or (is_meanwhile and event.cpu_parent is None):
                yield event

    def _walk(self, tops: Iterator[Event]) -> Iterator[_Node]:
        """Return the nodes of the tree, each before those in it, in the order of time."""
        self._last_link: int | None = None
        self._forward: dict[tuple[int, int], int] = {}
        number = 0
        for top in tops:
            waiting = [(top, _Node(top))]
            while waiting:
                event, above = waiting.pop()
                node = self._make(event, above, number)
                yield node
                number += 1
                children = sorted(event.cpu_children, key=lambda each: each.time_range.start, reverse=True)
                waiting += [(child, node) for child in children]

    def _make(self, event: Event, above: _Node, number: int) -> _Node:
        part = self._labels.get(event.name)
        if part is not None:
            return _Node(event, part, number, is_range=True)
        node = _Node(event, above.part, above.within, above.link, above.in_optimizer)
        node.is_range = event.name == CALL or bool(event.is_user_annotation) or event.name.startswith(_OPTIMIZER)
        node.in_optimizer |= event.name.startswith(_OPTIMIZER)
        if event.name.startswith(_NODE):
            node.link = self._last_link = self._forward.get((event.fwd_thread, _number_of(event)), self._last_link)
            node.part = node.within = None
        elif event.sequence_nr >= 0 and node.link is None and not node.is_range:
            self._forward[event.thread, event.sequence_nr] = number  # the last that began with it has made it
        return node

    def _tell_parts(self) -> None:
        """Tell each module which operators ran in it, and when it was first called."""
        for node in self._nodes:
            if node.part is None:
                continue
            part = self._parts[node.part]
            if node.is_range:
                part.start = min(part.start, node.event.time_range.start)
            else:
                part.operators.add(_plain(node.event.name))

    def _ends_of_layers(self) -> dict[int, float]:
        """Return when the last layer ended within each call of a module that holds layers, by its node."""
        ends: dict[int, float] = {}
        calls: list[int] = []
        for i, node in enumerate(self._nodes):
            if not node.is_range or node.part is None:
                continue
            while calls and self._nodes[calls[-1]].event.time_range.end <= node.event.time_range.start:
                calls.pop()
            if node.part in self._grouping.holds_layers:
                calls.append(i)
            elif node.part in self._grouping.layers:
                ends.update(dict.fromkeys(calls, node.event.time_range.end))
        return ends

    def _group(self, node: _Node, groups: Sequence[str]) -> str:
        if node.in_optimizer:
            return profile.OPTIMIZER
        if node.part is None or node.within is None:
            return profile.OTHER if node.link is None else groups[node.link]
        group = self._grouping.groups[node.part]
        end = self._layers_end.get(node.within)
        if group == profile.OTHER and not node.is_range and end is not None and node.event.time_range.start >= end:
            return profile.HEAD  # what a model does itself behind its layers: the loss, a head without a module
        return group

    def _scale(self, shortened: Shortened | None) -> tuple[float, float]:
        """Return from when on a call counts several times, and how often: tokens that were not traced."""
        if shortened is None or shortened.traced == shortened.usual:
            return math.inf, 1.0
        calls = [
            node.event.time_range.start
            for i, node in enumerate(self._nodes)
            if node.within == i and node.part is not None and self._parts[node.part].parent is None
        ]
        self.notes.append(
            f"{shortened.traced} of {shortened.usual} new tokens were traced; the others count as much as those after "
            "the first"
        )
        if len(calls) == shortened.traced:
            return calls[1], (shortened.usual - 1) / (shortened.traced - 1)
        return self._call.time_range.start, shortened.usual / shortened.traced

    def _spent(self, node: _Node) -> tuple[float, float]:
        """Return how often an event counts, and the time of its own, microseconds."""
        event, later = node.event, self._later_from
        own_us = event.self_device_time_total if self._on_device else event.self_cpu_time_total
        start, end = event.time_range.start, event.time_range.end
        if end <= later:
            return 1.0, own_us
        if start >= later or self._on_device:
            return self._weight, own_us * (self._weight if start >= later else 1.0)
        in_children_us = sum(
            child.time_range.elapsed_us() for child in event.cpu_children if child.time_range.start >= later
        )
        later_us = max(0.0, end - later - in_children_us)
        return 1.0, own_us + (self._weight - 1) * later_us

    def _bytes(self, event: Event) -> int:
        size = event.self_device_memory_usage if self._on_device else event.self_cpu_memory_usage
        return int(size * (self._weight if event.time_range.start >= self._later_from else 1.0))

    def _idle_us(self) -> float:
        """Return how long the device had nothing to do, microseconds."""
        start, end = self._call.time_range.start, self._call.time_range.end
        later = min(max(self._later_from, start), end)
        busy = [0.0, 0.0]
        for node in self._nodes:
            busy[node.event.time_range.start >= later] += node.event.self_device_time_total
        idle = [max(0.0, later - start - busy[0]), max(0.0, end - later - busy[1])]
        untraced_us = max(0.0, 1e6 * (self._untraced_s or 0.0) - sum(busy))
        idle_us: float = (idle[0] + self._weight * idle[1]) * min(1.0, untraced_us / (sum(idle) or 1.0))
        return idle_us


def _number_of(event: Event) -> int:
    """Return the number that connects a node of the backward pass with the operator that has made it."""
    if event.sequence_nr >= 0:
        return int(event.sequence_nr)
    return next((int(child.sequence_nr) for child in event.cpu_children if child.scope == 1), -1)


def _name(node: _Node) -> str:
    """Return the name under which an event counts."""
    if node.is_range:
        return profile.PYTHON
    if node.event.scope == 1 or node.event.name.startswith(_NODE):
        return "autograd"
    return _plain(node.event.name)


def _plain(name: str) -> str:
    """Return the name of an operator without what differs from model to model and run to run."""
    for start, plain in _COMPILED.items():
        if name.startswith(start):
            return plain
    return name.removeprefix("aten::")
