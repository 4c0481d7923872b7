"""PyTorch: which group of `hfbench_nb.protocol.profile.GROUPS` a module of a model belongs to.

Told by the tree of modules and by the operators that ran in each, not by names.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property

import torch
from torch.nn.modules.conv import _ConvNd

from hfbench_nb.protocol import profile

_PRODUCTS = frozenset({"bmm", "baddbmm"})
"""Operators that multiply matrices of which neither is a weight: those of one example with each other."""
_NORMALISING = ("norm", "rsqrt", "var", "std")
_LISTS = (torch.nn.ModuleList, torch.nn.Sequential)
# Names of classes that are listed for a group.
_MOST_CLASSES = 4


@dataclass
class Part:
    """A module in the tree of a model.

    Attributes
    ----------
    module
        The module.
    name
        Its name in the model; empty for the model itself.
    parent
        Position of the module that holds it, among the parts; None for a model.
    operators
        Names of the operators that ran in it, and in no part of it.
    start
        When it was first called; infinity if it was not.
    """

    module: torch.nn.Module
    name: str
    parent: int | None
    operators: set[str] = field(default_factory=set)
    start: float = math.inf

    @property
    def was_called(self) -> bool:
        """Whether it was called."""
        return self.start < math.inf

    @cached_property
    def matrices(self) -> frozenset[int]:
        """Its own weights with two dimensions or more; quantised ones are not among the parameters."""
        own = [*self.module.parameters(recurse=False)]
        if not own and any("linear" in name for name in self.operators):
            return frozenset([id(self)])
        return frozenset(id(parameter) for parameter in own if parameter.ndim > 1)

    @cached_property
    def has_parameters(self) -> bool:
        """Whether it has any."""
        return next(self.module.parameters(), None) is not None


def parts_of(model: torch.nn.Module, first: int = 0) -> list[Part]:
    """Return the tree of a model, each module before those that it holds, and once.

    Parameters
    ----------
    model
        The model.
    first
        Its position.
    """
    seen: set[int] = set()

    def walk(module: torch.nn.Module, name: str, parent: int | None) -> Iterator[Part]:
        seen.add(id(module))
        position = first + len(seen) - 1
        yield Part(module, name, parent)
        for child, inner in module.named_children():
            if id(inner) not in seen:
                yield from walk(inner, f"{name}.{child}".lstrip("."), position)

    return list(walk(model, "", None))


class Grouping:
    """Which group each part belongs to.

    The layers are what the outermost lists hold whose members attend or, in a model without attention, convolve.
    Within a layer, what attends is found by its operators; it also has the projections around it.

    Parameters
    ----------
    parts
        The tree of each model, with the operators that ran.

    Attributes
    ----------
    layers
        Positions of the layers.
    holds_layers
        Positions of the parts that hold layers.
    """

    def __init__(self, parts: Sequence[Part]) -> None:
        self._parts = parts
        self._children: list[list[int]] = [[] for _ in parts]
        for i, part in enumerate(parts):
            if part.parent is not None:
                self._children[part.parent].append(i)
        self._matrices = self._find_matrices()
        self._cores = {i: kind for i, seen in enumerate(self._seen()) if (kind := _kind(parts[i].module, seen))}
        stacks = [*self._stacks()]
        self.layers = frozenset(i for stack in stacks for i in stack)
        self.holds_layers = frozenset(above for i in self.layers for above in self._above(i))
        starts = [min(parts[i].start for i in stack) for stack in stacks]
        self._last_start = max((start for start in starts if start < math.inf), default=math.inf)
        if not self.layers and (self._cores or not any(isinstance(part.module, _LISTS[0]) for part in parts)):
            self.layers = frozenset(i for i, part in enumerate(parts) if part.parent is None)
        self._layer: dict[int, int] = {}
        for i, part in enumerate(parts):
            above = i if i in self.layers else self._layer.get(-1 if part.parent is None else part.parent)
            if above is not None:
                self._layer[i] = above
        self._roots = self._find_roots()
        self.groups = [self._group(i) for i in range(len(parts))]

    def classes(self) -> dict[str, tuple[str, ...]]:
        """Return the classes of the outermost modules of each group that were called, and how many there are."""
        found: dict[str, Counter[str]] = {}
        for i, (part, group) in enumerate(zip(self._parts, self.groups, strict=True)):
            around = next((self.groups[above] for above in self._above(i) if self._parts[above].was_called), None)
            if group not in (around, profile.OTHER) and part.was_called:
                found.setdefault(group, Counter())[type(part.module).__name__] += 1
        return {
            group: tuple(f"{name} ({number})" for name, number in numbers.most_common(_MOST_CLASSES))
            for group, numbers in found.items()
        }

    def _find_matrices(self) -> list[frozenset[int]]:
        """Return the matrices of each part, with those of the parts in it."""
        found = [part.matrices for part in self._parts]
        for i, part in reversed([*enumerate(self._parts)]):
            if part.parent is not None:
                found[part.parent] |= found[i]
        return found

    def _seen(self) -> list[set[str]]:
        """Return the operators of each part, with those of the parts in it that have no parameters."""
        seen = [set(part.operators) for part in self._parts]
        for i, part in reversed([*enumerate(self._parts)]):
            if part.parent is not None and not part.has_parameters:
                seen[part.parent] |= seen[i]
        return seen

    def _above(self, i: int) -> Iterator[int]:
        """Return what holds a part, from the inside outwards."""
        parent = self._parts[i].parent
        while parent is not None:
            yield parent
            parent = self._parts[parent].parent

    def _below(self, i: int) -> Iterator[int]:
        yield i
        for child in self._children[i]:
            yield from self._below(child)

    def _has_core(self, i: int, kinds: set[str]) -> bool:
        return any(self._cores.get(below) in kinds for below in self._below(i))

    def _stacks(self) -> Iterator[list[int]]:
        """Return the layers of each outermost list of such."""
        in_lists = {self._cores[i] for i in self._cores if any(self._is_list(above) for above in self._above(i))}
        kinds = {profile.ATTENTION} if profile.ATTENTION in in_lists else {profile.MIXING}
        waiting = [i for i, part in enumerate(self._parts) if part.parent is None]
        while waiting:
            i = waiting.pop(0)
            layers = self._members(i, kinds) if self._is_list(i) else []
            if layers:
                yield layers
            waiting += [child for child in self._children[i] if child not in layers]

    def _is_list(self, i: int) -> bool:
        return isinstance(self._parts[i].module, _LISTS)

    def _members(self, i: int, kinds: set[str]) -> list[int]:
        """Return the members of a list that are layers; of a sequence, only those of a class that occurs repeatedly."""
        members = self._children[i]
        able = [member for member in members if self._has_core(member, kinds)]
        if isinstance(self._parts[i].module, torch.nn.Sequential):
            numbers = Counter(type(self._parts[member].module) for member in able)
            return [member for member in able if numbers[type(self._parts[member].module)] > 1]
        return members if able else []

    def _find_roots(self) -> dict[int, str]:
        """Return the modules that attend or mix, with the projections around what does so, and which of both."""
        roots: dict[int, str] = {}
        for kind in (profile.ATTENTION, profile.MIXING):
            for core in (i for i, found in self._cores.items() if found == kind and i in self._layer):
                if not any(i in roots for i in (core, *self._above(core))):
                    roots[self._climb(core, kind)] = kind
        return roots

    def _climb(self, core: int, kind: str) -> int:
        root, layer = core, self._layer[core]
        if core == layer:
            return core
        for above in self._above(core):
            if above == layer or (kind == profile.MIXING and self._ends_mixing(root, above)):
                break
            # One more matrix is the projection behind it; a feed-forward part has two at least.
            further = self._matrices[above] - self._matrices[root]
            if kind == profile.ATTENTION and len(further) > 1:
                break
            root = above
        return root

    def _ends_mixing(self, root: int, above: int) -> bool:
        """Return whether what holds a mixing part is more than that: a member of a list, or what attends, too."""
        parent = self._parts[above].parent
        is_member = self._is_list(above) or (parent is not None and self._is_list(parent))
        return is_member or self._has_core(above, {profile.ATTENTION})

    def _group(self, i: int) -> str:
        part = self._parts[i]
        if self._is_norm(i):
            return profile.NORMS
        layer = self._layer.get(i)
        if layer is not None:
            return self._group_in_layer(i, layer)
        if i in self.holds_layers or self._last_start == math.inf:
            return profile.EMBEDDINGS if isinstance(part.module, torch.nn.Embedding) else profile.OTHER
        is_before = isinstance(part.module, torch.nn.Embedding) or self._first_start(i) < self._last_start
        return profile.EMBEDDINGS if is_before else profile.HEAD

    def _group_in_layer(self, i: int, layer: int) -> str:
        path = [i, *self._above(i)]
        for above in reversed(path[: path.index(layer) + 1]):
            if above in self._roots and (above != layer or i == layer):
                return self._roots[above]
        part = self._parts[i]
        if isinstance(part.module, torch.nn.Embedding):
            return profile.EMBEDDINGS
        return profile.OTHER if i == layer or (part.has_parameters and not self._matrices[i]) else profile.FEED_FORWARD

    def _first_start(self, i: int) -> float:
        return min(self._parts[below].start for below in self._below(i))

    def _is_norm(self, i: int) -> bool:
        part = self._parts[i]
        if self._matrices[i] or any(self._parts[child].has_parameters for child in self._children[i]):
            return False
        if isinstance(part.module, _ConvNd) or any("weight_norm" in name for name in part.operators):
            return False
        return any(word in name for name in part.operators for word in _NORMALISING)


def _kind(module: torch.nn.Module, operators: set[str]) -> str:
    """Return whether a module attends or mixes positions itself; empty if neither."""
    if any("attention" in name or "attn" in name for name in operators):
        return profile.ATTENTION
    if {"softmax", "_softmax"} & operators and _PRODUCTS & operators:
        return profile.ATTENTION
    if isinstance(module, _ConvNd) and max(module.kernel_size) > 1:
        return profile.MIXING
    return profile.MIXING if any("fft" in name for name in operators) else ""
