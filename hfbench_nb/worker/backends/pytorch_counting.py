"""PyTorch: what a call computes and moves, counted operation by operation.

A call is followed on meta tensors, which have shapes and no memory, and is counted in milliseconds whatever the size of
the model.  A model whose code reads numbers out of tensors, such as the routing of a mixture of experts, cannot be
followed so: then the call is made once more, for counting alone.
"""

from __future__ import annotations

import contextlib
import copy
import math
import sys
from collections.abc import Callable, Hashable, Iterator
from dataclasses import replace
from typing import Any
from unittest import mock

import torch
from torch.utils._python_dispatch import TorchDispatchMode

from hfbench_nb.protocol.peaks import Peaks
from hfbench_nb.worker.backends.base import CallInputs
from hfbench_nb.worker.backends.base_counting import Count, PhasedCall
from hfbench_nb.worker.backends.fused_attention import FUSED
from hfbench_nb.worker.backends.meta_results import NewTensors, description_of, storage_of, tensors_in
from hfbench_nb.worker.backends.pytorch_devices import device_module
from hfbench_nb.worker.backends.pytorch_flops import GATHERING, formula_of
from hfbench_nb.worker.backends.pytorch_peaks import measure_peaks

_ATEN, _CPU = torch.ops.aten, torch.device("cpu")


class Counting:
    """What a PyTorch runtime counts, and the peaks that this is compared with.

    Attributes
    ----------
    device, dtype
        Where it runs, and in which data type.
    attention_kernels
        The kernels of attention that the measured call has run.
    """

    device: torch.device
    dtype: torch.dtype
    attention_kernels: tuple[str, ...] = ()

    def peaks(self) -> Peaks:
        """Measure what the device can do at most, in the data type of the case."""
        synchronize = None if self.device.type == "cpu" else device_module(self.device).synchronize
        return measure_peaks(self.device, self.dtype, synchronize)

    def count(
        self,
        call: PhasedCall,
        call_of: Callable[[Any, CallInputs], PhasedCall],
        model: torch.nn.Module,
        inputs: CallInputs,
    ) -> list[Count]:
        """Count a call of a model, phase by phase: on meta tensors, where the model allows that."""
        try:
            twin = _on_meta(model)
            # What the runtime keeps of the last call that it made stays that of the measured one.
            with mock.patch.dict(vars(self)), mock.patch.object(torch, "autocast", _autocast), self._attention():
                of_twin = call_of(twin, replace(inputs, tensors=_on_meta(inputs.tensors)))
                return _counted(of_twin, twin)
        except Exception:
            return _counted(call, model)

    def _attention(self) -> contextlib.AbstractContextManager[object]:
        """Let attention on meta tensors be that of the kernel which the measured call has run.

        Raises
        ------
        NotImplementedError
            If it has run several.
        """
        if len(self.attention_kernels) > 1:
            raise NotImplementedError(", ".join(self.attention_kernels))
        fused = [FUSED[kernel] for kernel in self.attention_kernels if kernel in FUSED]
        if not fused:
            return contextlib.nullcontext()
        return mock.patch.object(torch.nn.functional, "scaled_dot_product_attention", fused[0])


def _counted(call: PhasedCall, model: torch.nn.Module) -> list[Count]:
    """Return what a call that is made for this alone computes and moves."""
    counter = _Counter(model)
    with _uncompiled(), counter:
        call(counter.next_phase)
    return counter.phases()


def _uncompiled() -> contextlib.AbstractContextManager[object]:
    """Run compiled code as it is written: operations are counted, not what they were fused to."""
    # Without the compiler, which takes seconds to import, nothing is compiled.
    return torch.compiler.set_stance("force_eager") if "torch._dynamo" in sys.modules else contextlib.nullcontext()


_real_autocast = torch.autocast


def _autocast(device_type: str, *args: Any, **kwargs: Any) -> contextlib.AbstractContextManager[object]:
    """Return what ``torch.autocast`` does, and nothing on meta tensors, where it fails even if it is to be off."""
    if device_type == "meta":
        return contextlib.nullcontext()
    return _real_autocast(device_type, *args, **kwargs)


def _on_meta(thing: Any) -> Any:
    """Return a copy of a model, or of its inputs, whose tensors have no memory."""
    twins: dict[int, Any] = {}
    for tensor in _tensors_of(thing):
        if id(tensor) not in twins:
            twin = tensor.detach().to("meta")
            if isinstance(tensor, torch.nn.Parameter):
                twin = torch.nn.Parameter(twin, requires_grad=tensor.requires_grad)
            twins[id(tensor)] = twin
    return copy.deepcopy(thing, twins)


def _tensors_of(thing: Any) -> Iterator[torch.Tensor]:
    if isinstance(thing, torch.nn.Module):
        yield from thing.parameters()
        yield from thing.buffers()
        for module in thing.modules():  # tensors that are neither
            yield from (value for value in vars(module).values() if isinstance(value, torch.Tensor))
    else:
        yield from tensors_in(thing)


class _Counter(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Counts operations as they are called."""

    supports_higher_order_operators = True

    def __init__(self, model: torch.nn.Module) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._parameters = {storage_of(each) for each in model.parameters()}
        self._done: list[Count] = []
        # Answers to what code asks of its inputs: masks hide nothing, nothing is padding, no text is at its end; and
        # what questions are made of.  The tensors are kept, so that no other one gets their place.
        self._answers: dict[int, tuple[torch.Tensor, bool]] = {}
        self._made_by: dict[int, tuple[torch.Tensor, Any]] = {}
        # By description of an operation on meta tensors: the tensors that it makes, and what it computes.
        self._known: dict[Hashable | None, tuple[NewTensors, int]] = {}
        self._begin()

    def _begin(self) -> None:
        self._flops = self._moved_bytes = 0
        self._read_bytes: dict[int, int] = {}
        self._rows_bytes = 0

    def next_phase(self) -> None:
        """Begin to count a further phase."""
        read_bytes = sum(self._read_bytes.values()) + self._rows_bytes
        self._done.append(Count(self._flops, read_bytes, self._moved_bytes))
        self._begin()

    def phases(self) -> list[Count]:
        """Return what was counted, and begin anew."""
        self.next_phase()
        done, self._done = self._done, []
        return done

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        packet = getattr(func, "_overloadpacket", func)
        if packet is _ATEN._local_scalar_dense and storage_of(args[0]) in self._answers:
            return self._answers[storage_of(args[0])][1]
        if packet is _ATEN._to_copy and args[0].is_meta and kwargs.get("device") == _CPU:
            return args[0]  # without contents, there is nothing to copy to the host
        description = description_of(func, args, kwargs)
        given = tensors_in((args, kwargs))
        known = self._known.get(description)
        if known is not None:
            out, flops = known[0].make(), known[1]
        else:
            formula = formula_of(packet)
            if formula is None and isinstance(func, torch._ops.OpOverload):
                with self:
                    parts = func.decompose(*args, **kwargs)
                if parts is not NotImplemented:
                    return parts
            out = func(*args, **kwargs)
            flops = 0 if formula is None else int(formula(*args, **kwargs, out_val=out))
            if description is not None and (new := NewTensors.of(out, given)) is not None:
                self._known[description] = new, flops
        if isinstance(out, torch.Tensor) and out.is_meta:
            self._learn(packet, args, out)
        self._flops += flops
        self._count_moved(func, packet, given, tensors_in(out))
        return out

    def _learn(self, packet: Any, args: Any, out: torch.Tensor) -> None:
        """Note what is answered if code asks for the contents of a result."""
        is_of_one = bool(args) and isinstance(args[0], torch.Tensor)
        of = self._made_by.get(storage_of(args[0]), (None, None))[1] if is_of_one else None
        if packet in (_ATEN.all, _ATEN.any):
            self._answers[storage_of(out)] = out, packet is _ATEN.all
        elif (packet, of) in ((_ATEN.eq, _ATEN.max), (_ATEN.gt, _ATEN.sum)):  # as in sum(ids == padding) > 0
            self._answers[storage_of(out)] = out, False
        elif packet in (_ATEN.eq, _ATEN.max) or (packet, of) == (_ATEN.sum, _ATEN.eq):
            self._made_by[storage_of(out)] = out, packet

    def _count_moved(self, func: Any, packet: Any, given: list[torch.Tensor], made: list[torch.Tensor]) -> None:
        sources = {storage_of(each) for each in given}
        changes = _changes_its_arguments(func)
        written = [each for each in made if changes or storage_of(each) not in sources]
        if not written:
            return  # a view: nothing moves
        written_bytes = sum(map(_size_of, written))
        self._moved_bytes += written_bytes
        for each in given:
            storage, size = storage_of(each), _size_of(each)
            if packet in GATHERING and size > written_bytes:
                size = written_bytes  # the rows that it takes
            self._moved_bytes += size
            if storage in self._parameters:
                if packet in GATHERING:
                    self._rows_bytes += size
                else:
                    self._read_bytes[storage] = max(size, self._read_bytes.get(storage, 0))


def _size_of(tensor: torch.Tensor) -> int:
    """Return how much memory of a tensor is read or written, bytes: of an expanded one, what there is of it."""
    elements = math.prod(
        size for size, stride in zip(tensor.shape, _strides_of(tensor), strict=True) if stride or not size
    )
    return elements * tensor.element_size()


def _strides_of(tensor: torch.Tensor) -> tuple[int, ...]:
    return tensor.stride() if tensor.layout is torch.strided else (1,) * tensor.dim()


def _changes_its_arguments(func: Any) -> bool:
    schema = getattr(func, "_schema", None)
    return schema is not None and schema.is_mutable
