"""PyTorch: tensors without memory, of which one knows what they would take, and where needed what they contain.

While `FakeTensors` is entered, PyTorch only follows the shapes and data types of tensors (`FakeTensorMode`).  What the
code of a model may ask of their contents is answered as far as it can be known:

- The contents of small tensors that depend on nothing random, such as token ids, masks and positions, are computed;
  so are those of tensors of any size that contain one number everywhere, such as a mask that hides nothing.
- Indices that are chosen among unknown numbers, such as the token with the largest logit or a router's experts, take
  every possible value in turn: which one it is does not change the memory, and experts are loaded evenly.
"""

from __future__ import annotations

import contextlib
import weakref
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch._subclasses.fake_tensor import (
    DataDependentOutputException,
    DynamicOutputShapeException,
    FakeTensor,
    FakeTensorMode,
    unset_fake_temporarily,
)
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves, tree_map

# Contents of larger tensors are not computed: those of ids are up to a batch of 32768 x 512, and masks of 4096 tokens.
_LARGEST_KNOWN, _LARGEST_KNOWN_WHOLE = 1 << 20, 1 << 24
# Nor are random numbers, except a few: a layer may be left out at random.
_FEW = 64
_ATEN = torch.ops.aten
_UNKNOWN_VALUES = (DataDependentOutputException, DynamicOutputShapeException)
# Attribute of a fake tensor for its contents: a weak reference would keep modules from replacing it.
_CONTENTS = "_hfbench_contents"
# What fills tensors with one number: that is known however large they are.
_CONSTANTS: dict[Any, Callable[..., Any]] = {
    **dict.fromkeys(
        [_ATEN.zeros.default, _ATEN.new_zeros.default, _ATEN.zeros_like.default, _ATEN.zero_.default], lambda *_: 0
    ),
    **dict.fromkeys([_ATEN.ones.default, _ATEN.new_ones.default, _ATEN.ones_like.default], lambda *_: 1),
    **dict.fromkeys([_ATEN.full.default, _ATEN.fill_.Scalar, _ATEN.full_like.default], lambda _, value, *more: value),
}
# Operations besides pointwise ones whose results contain one number everywhere where their arguments do.
_KEEPING = [_ATEN._to_copy, _ATEN.clone, _ATEN.all, _ATEN.any, _ATEN.amax, _ATEN.amin, _ATEN.max, _ATEN.min, _ATEN.cat]
_ITEM = _ATEN._local_scalar_dense.default
_GROUPED = _ATEN._grouped_mm.default
_INDEX = _ATEN.index.Tensor


class UnknownContentsError(RuntimeError):
    """Code asks for the contents of a tensor that only a real pass computes."""


UNKNOWN_CONTENTS = (UnknownContentsError, *_UNKNOWN_VALUES)
"""What is raised where code asks for contents that are not known; PyTorch's own errors within an operation."""


class FakeTensors(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Follows tensors without allocating them; use it as a context manager.

    Attributes
    ----------
    live_bytes
        What the tensors that exist now would take, each storage once, bytes.
    peak_bytes
        The largest of that since it was last set, bytes.
    """

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.live_bytes = 0
        self.peak_bytes = 0
        self._shapes = FakeTensorMode(allow_non_fake_inputs=True)
        self._storages: dict[int, weakref.ref[Any]] = {}
        self._is_muted = False

    def __enter__(self) -> FakeTensors:
        self._shapes.__enter__()
        super().__enter__()  # type: ignore[no-untyped-call]
        return self

    def __exit__(self, *error: Any) -> None:
        super().__exit__(*error)  # type: ignore[no-untyped-call]
        self._shapes.__exit__(*error)

    def adopt(self, values: Any) -> Any:
        """Return nested values with fake tensors in place of the real ones, whose contents are known."""

        def fake(value: Any) -> Any:
            if not isinstance(value, torch.Tensor) or isinstance(value, FakeTensor):
                return value
            made = self._shapes.from_tensor(value)
            self._count([made])
            self._learn([made], [value])
            return made

        return tree_map(fake, values)

    def forget(self, tensors: Iterable[torch.Tensor]) -> None:
        """Forget the contents of tensors, such as those of parameters, which are random."""
        for tensor in tensors:
            vars(tensor).pop(_CONTENTS, None)

    @contextmanager
    def muted(self) -> Iterator[Callable[[], None]]:
        """Leave the peak as it is, until the function that is given is called or the block ends."""
        self._is_muted = True

        def go_on() -> None:
            self._is_muted = False

        try:
            yield go_on
        finally:
            go_on()

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        """Follow one operation."""
        kwargs = kwargs or {}
        given = [each for each in tree_leaves((args, kwargs)) if isinstance(each, torch.Tensor)]
        is_random = torch.Tag.nondeterministic_seeded in func.tags
        is_known = all(self._is_known(tensor) for tensor in given)
        if func is _ITEM:
            return self._item(args[0])
        computed = None
        try:
            result = _follow(func, args, kwargs)
        except _UNKNOWN_VALUES as error:
            if func is _INDEX and not is_known:
                return args[0][tuple(self._positions(args[1], error))]
            if not is_known:
                raise UnknownContentsError(str(func)) from error
            computed = self._compute(func, args, kwargs)
            result = tree_map(lambda each: self._shapes.from_tensor(each) if _is_tensor(each) else each, computed)
        made = [each for each in tree_leaves(result) if isinstance(each, FakeTensor)]
        self._count(made)
        if is_known and computed is None:
            computed = self._computed(func, args, kwargs, made, is_random=is_random)
        if func in _CONSTANTS:
            self._fill(made, _CONSTANTS[func](*args))
        elif computed is not None:
            self._learn(tree_leaves(result), tree_leaves(computed))
        else:
            self.forget(made)
            self._choose(func, args, kwargs, made)
        return result

    def _is_known(self, tensor: torch.Tensor) -> bool:
        return not isinstance(tensor, FakeTensor) or _CONTENTS in vars(tensor)

    def _computed(self, func: Any, args: Any, kwargs: Any, made: list[FakeTensor], *, is_random: bool) -> Any:
        """Return the contents of results; None where computing them would take much memory or time."""
        if func.is_view or all(each.numel() <= _most_known(each, is_random=is_random) for each in made):
            with contextlib.suppress(RuntimeError):  # what contains one number everywhere cannot be written to
                return self._compute(func, args, kwargs)
        keeps = torch.Tag.pointwise in func.tags or func.overloadpacket in _KEEPING
        return self._computed_once(func, args, kwargs, made) if keeps and not func._schema.is_mutable else None

    def _computed_once(self, func: Any, args: Any, kwargs: Any, made: list[FakeTensor]) -> Any:
        """Return the contents of results, if every argument contains one number everywhere, and they do."""

        def first(value: Any) -> Any:
            return _contents(value)[(slice(0, 1),) * value.ndim] if _is_tensor(value) else value

        with unset_fake_temporarily():
            if not all(_is_uniform(_contents(each)) for each in tree_leaves((args, kwargs)) if _is_tensor(each)):
                return None
            single = tree_map(first, args)
            results = [each.flatten() for each in tree_leaves(func(*single, **kwargs)) if _is_tensor(each)]
            if len(results) != len(made) or any((each != each[0]).any() for each in results):
                return None
            return [each[0].expand(fake.shape) for each, fake in zip(results, made, strict=True)]

    def _compute(self, func: Any, args: Any, kwargs: Any) -> Any:
        def real(value: Any) -> Any:
            return _contents(value) if isinstance(value, torch.Tensor) else value

        with unset_fake_temporarily():
            return func(*tree_map(real, args), **tree_map(real, kwargs))

    @staticmethod
    def _fill(made: list[FakeTensor], value: Any) -> None:
        """Learn that tensors contain one number everywhere."""
        with unset_fake_temporarily():
            for each in made:
                number = torch.full((), value, dtype=each.dtype)
                # Small ones can be written to.
                contents = number.expand(each.shape)
                setattr(each, _CONTENTS, contents.clone() if each.numel() <= _LARGEST_KNOWN else contents)

    def _learn(self, fakes: list[Any], contents: list[Any]) -> None:
        for fake, real in zip(fakes, contents, strict=True):
            if isinstance(fake, FakeTensor):
                setattr(fake, _CONTENTS, real)

    def _choose(self, func: Any, args: Any, kwargs: Any, made: list[FakeTensor]) -> None:
        """Let indices among unknown numbers take every possible value in turn."""
        indices = [each for each in made if each.dtype == torch.int64]
        if not indices or not isinstance(args[0], FakeTensor) or not args[0].is_floating_point():
            return
        if func is _ATEN._to_copy.default or args[0].ndim == 0:
            return  # rounded numbers, not indices
        names = [argument.name for argument in func._schema.arguments]
        given = {**dict(zip(names, args, strict=False)), **kwargs}
        dim = given.get("dim", -1)
        choices = args[0].numel() if dim is None else args[0].shape[dim]
        with unset_fake_temporarily():
            for each in indices:
                setattr(each, _CONTENTS, (torch.arange(each.numel()) % choices).reshape(each.shape))

    def _item(self, tensor: torch.Tensor) -> Any:
        if not self._is_known(tensor):
            raise UnknownContentsError("the value of a tensor")
        with unset_fake_temporarily():
            return _contents(tensor).item()

    def _positions(self, indices: Any, error: Exception) -> Iterator[Any]:
        """Yield indices with the positions that masks select in place of the masks."""
        for index in indices:
            if index is None:
                yield slice(None)
            elif index.dtype not in (torch.bool, torch.uint8):
                yield index
            elif self._is_known(index):
                with unset_fake_temporarily():
                    selected = _contents(index).nonzero().unbind(1)
                yield from self.adopt(list(selected))
            else:
                raise UnknownContentsError("which places a mask selects") from error

    def _count(self, tensors: Iterable[torch.Tensor]) -> None:
        """Count the storages of tensors until they are freed."""
        for tensor in tensors:
            storage = tensor.untyped_storage()
            key, size = storage._cdata, storage.nbytes()
            if key in self._storages:
                continue

            def freed(_: Any, key: int = key, size: int = size) -> None:
                del self._storages[key]
                self.live_bytes -= size

            self._storages[key] = weakref.ref(storage, freed)
            self.live_bytes += size
        if not self._is_muted:
            self.peak_bytes = max(self.peak_bytes, self.live_bytes)


def _follow(func: Any, args: Any, kwargs: Any) -> Any:
    """Follow one operation by its shapes alone.

    Those of grouped matrix products are only known for bfloat16, which real ones do not ask for.
    """
    if func is not _GROUPED or args[0].dtype == torch.bfloat16:
        return func(*args, **kwargs)
    half = [each.bfloat16() if _is_tensor(each) and each.is_floating_point() else each for each in args]
    return func(*half, **kwargs).to(args[0].dtype)


def _contents(tensor: torch.Tensor) -> torch.Tensor:
    """Return what a tensor contains, as a real one."""
    contents: torch.Tensor = vars(tensor).get(_CONTENTS, tensor)
    return contents


def _is_uniform(contents: torch.Tensor) -> bool:
    """Return whether a tensor contains one number everywhere; a large one is a single number, repeated, or does not."""
    if all(step == 0 or size == 1 for step, size in zip(contents.stride(), contents.shape, strict=True)):
        return contents.numel() > 0
    return 0 < contents.numel() <= _LARGEST_KNOWN and bool((contents == contents[(0,) * contents.ndim]).all())


def _most_known(tensor: torch.Tensor, *, is_random: bool) -> int:
    """Return up to how many numbers the contents of a tensor like this are computed."""
    if tensor.is_floating_point() or tensor.is_complex():
        return _FEW if is_random else _LARGEST_KNOWN
    return _LARGEST_KNOWN_WHOLE


def _is_tensor(value: Any) -> bool:
    return isinstance(value, torch.Tensor)
