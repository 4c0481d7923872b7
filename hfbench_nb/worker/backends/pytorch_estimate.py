"""PyTorch: what a case would need, from fake tensors on no device: nothing is computed and nothing allocated."""

from __future__ import annotations

import contextlib
import itertools
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any
from unittest import mock

import torch
import torch._dynamo  # what follows operations imports it, if Transformers has not: seconds that are no case's time

from hfbench_nb.protocol.case import Case, Settings
from hfbench_nb.protocol.request import Method, ModelSpec
from hfbench_nb.worker.backends.base import Attempt, Built, CallInputs, GenerateCall
from hfbench_nb.worker.backends.fake_tensors import UNKNOWN_CONTENTS, FakeTensors
from hfbench_nb.worker.backends.first_tokens import generate_first
from hfbench_nb.worker.backends.fused_attention import follow_attention
from hfbench_nb.worker.backends.pytorch import PyTorchBackend
from hfbench_nb.worker.backends.pytorch import load as set_up
from hfbench_nb.worker.backends.pytorch_building import describe
from hfbench_nb.worker.backends.pytorch_devices import find_device
from hfbench_nb.worker.backends.pytorch_generation import Generate
from hfbench_nb.worker.backends.pytorch_runtime import PyTorchRuntime
from hfbench_nb.worker.memory import Peak, Reading


def load() -> EstimatingBackend:
    """Return the backend; importing this module has imported the framework."""
    set_up()
    return EstimatingBackend()


# How many tokens of a generation are followed at its beginning, and at its end.
_FOLLOWED = 2
# Arguments of ``generate`` with an entry for each token of the prompt.
_OF_EACH_TOKEN = ("input_ids", "attention_mask", "token_type_ids", "mm_token_type_ids")
# Axes that change nothing of what tensors take, or of which nothing is known before the compiler has run.
_NOWHERE = {"device": "cpu", "weights": "random", "threads": None, "huge_pages": False, "compile": "none"}


class EstimatingBackend(PyTorchBackend):
    """PyTorch with Transformers, imported, for cases that are estimated and not run."""

    def open(self, settings: Settings, method: Method) -> PyTorchRuntime:
        """Begin to follow tensors without memory."""
        return EstimatingRuntime(settings, method)


class TensorMeter:
    """Counts the bytes of fake tensors."""

    method = "tensors"
    first_call_repeats = True

    def __init__(self, fakes: FakeTensors) -> None:
        self._fakes = fakes

    def current_bytes(self) -> int:
        """Return what the tensors that exist now would take, bytes."""
        return self._fakes.live_bytes

    def release(self) -> None:
        """Do nothing: what is free takes nothing."""

    def settled(self) -> contextlib.AbstractContextManager[None]:
        """Do nothing: no heap is involved."""
        return contextlib.nullcontext()

    @contextmanager
    def watch(self) -> Iterator[Peak]:
        """Record the peak while a block runs."""

        def reset() -> None:
            self._fakes.peak_bytes = self._fakes.live_bytes

        peak = Peak(lambda: Reading(self._fakes.peak_bytes, {}), reset)
        reset()
        yield peak
        peak.end()

    def line_reader(self) -> None:
        """Return None: nothing is traced."""


class EstimatingRuntime(PyTorchRuntime):
    """PyTorch with fake tensors.  Its calls follow the memory of a pass and compute nothing."""

    quantizes = False

    def __init__(self, settings: Settings, method: Method) -> None:
        self._on_close = contextlib.ExitStack()
        places = {name: value for name, value in _NOWHERE.items() if name in settings}
        super().__init__(
            Settings({**settings, "device": "cpu", **places}), replace(method, use_accelerator=False, use_tpu=False)
        )
        self.resolved = Settings()
        if _is_on_a_gpu(settings, method):
            functions = mock.patch.object(torch.nn.functional, "scaled_dot_product_attention", follow_attention)
            self._on_close.enter_context(functions)
        self._first_pass.follows_attention = False
        self._is_compiled = settings.get("compile", "none") != "none"
        self._is_quantized = settings.get("quantization", "none") != "none"
        self._fakes = FakeTensors()
        self.meter = TensorMeter(self._fakes)
        self._on_close.enter_context(self._fakes)

    def build(self, spec: ModelSpec, kind: str, *, training: bool) -> Built:
        """Build a model without memory."""
        # Everything is on the CPU already, and a module cannot replace fake parameters.
        with mock.patch.object(torch.nn.Module, "to", lambda model, *_, **__: model):
            return self._built(super().build(spec, kind, training=training))

    def _finish(self, model: torch.nn.Module, training: bool, note: str, details: dict[str, Any]) -> Built:
        """Return a model that a user's function has built."""
        self._resolve_attention(model)
        built = describe(model, training, note)
        return self._built(replace(built, details={**built.details, **details}))

    def _built(self, built: Built) -> Built:
        if self._is_quantized:
            raise NotImplementedError(
                "a quantized model cannot be estimated: quantization='none' estimates the model that it is made from"
            )
        self._fakes.forget(built.model.parameters())
        return built

    def make_inputs(self, model: torch.nn.Module, case: Case, *, labels: bool) -> CallInputs:
        """Make inputs whose contents are known."""
        return self._faked(super().make_inputs(model, case, labels=labels))

    def make_prompt(self, model: torch.nn.Module, case: Case) -> CallInputs:
        """Make prompts whose contents are known."""
        return self._faked(super().make_prompt(model, case))

    def take_inputs(self, make: Callable[[], object], model: torch.nn.Module) -> CallInputs:
        """Take the inputs that a user's function returns."""
        return self._faked(super().take_inputs(make, model))

    def _faked(self, inputs: CallInputs) -> CallInputs:
        return replace(inputs, tensors=self._fakes.adopt(inputs.tensors))

    def inference_call(self, model: torch.nn.Module, inputs: CallInputs) -> Callable[[], object]:
        """Return a function that follows one forward pass."""
        if self._settings.get("torchscript"):
            raise NotImplementedError("a traced model cannot be estimated: torchscript=False estimates the same model")
        call = super().inference_call(model, inputs)
        calls = itertools.count()
        return lambda: call() if next(calls) == 0 else None  # a further pass needs no more

    def generate_call(self, model: torch.nn.Module, inputs: CallInputs, case: Case) -> GenerateCall:
        """Return a call that follows the first and the last tokens of a generation."""
        super().generate_call(model, inputs, case)
        assert self._generate is not None
        return EstimatedGenerate(self._generate, self._fakes, lambda: self._last_tokens(model, inputs, case))

    def _last_tokens(self, model: torch.nn.Module, inputs: CallInputs, case: Case) -> Generate | None:
        """Return a call that is given all tokens but the last two; None if there are not more than follow the first."""
        before = int(case.settings["new_tokens"] or 0) - _FOLLOWED
        if before < _FOLLOWED:
            return None
        tensors, (batch_size, length) = dict(inputs.tensors), case.sizes
        if getattr(model.config, "is_encoder_decoder", False):
            start = torch.zeros((batch_size, 1), dtype=torch.long)
            tensors["decoder_input_ids"] = _longer(tensors.get("decoder_input_ids", start), before)
        else:
            length += before
            tensors |= {name: _longer(tensors[name], before) for name in _OF_EACH_TOKEN if name in tensors}
        cache = self._settings.get("cache_implementation")
        return Generate(model, tensors, length, _FOLLOWED, None if cache is None else str(cache))

    @contextmanager
    def hear(self) -> Iterator[list[str]]:
        """Also tell that a model that is to be compiled is followed as it is."""
        with super().hear() as heard:
            yield heard
        if self._is_compiled:
            heard.append("estimated as it is: what a compiled pass needs is known to the compiler alone")

    def explain(self, error: Exception, attempt: Attempt) -> Exception:
        """Return what is reported instead of an error: that a model cannot be estimated, where that is the reason."""
        cause: BaseException | None = error
        while cause is not None and not isinstance(cause, UNKNOWN_CONTENTS):
            cause = cause.__cause__ or cause.__context__
        if cause is None:
            return super().explain(error, attempt)
        name = attempt.spec.name if attempt.model is None else type(attempt.model).__name__
        return NotImplementedError(
            f"{name} cannot be estimated: it reads values that only a real pass computes ({cause}); measure it instead"
        )

    def close(self) -> None:
        """Let tensors have memory again."""
        self._on_close.close()
        super().close()


def _is_on_a_gpu(settings: Settings, method: Method) -> bool:
    """Return whether a case would run on a GPU of NVIDIA or AMD, which need not be in this machine."""
    name = str(settings.get("device", "auto"))
    return (find_device(name, method).type if name == "auto" else name.partition(":")[0]) == "cuda"


class EstimatedGenerate:
    """The first two and the last two tokens of a call of ``generate``, between which what is needed only grows.

    Parameters
    ----------
    whole
        The call.
    fakes
        What follows it.
    last
        Makes a call that is given all tokens but the last two, as a prompt; returns None where that is not needed.
    """

    def __init__(self, whole: Generate, fakes: FakeTensors, last: Callable[[], Generate | None]) -> None:
        self._whole, self._fakes, self._last = whole, fakes, last

    def __call__(self, on_token: Callable[[], None]) -> None:
        """Do nothing: a further call needs no more."""

    def watched(self, on_token: Callable[[], None]) -> None:
        """Follow the call."""
        last = self._last()
        if last is None:
            self._whole.watched(on_token)
            return
        generate_first(_FOLLOWED, self._whole, on_token)
        # Its prefill, and the logits of that, are none of the call's.
        with self._fakes.muted() as go_on, _at_pass(last.model, 2, go_on):
            last.watched(_nothing)
        self._whole.cache_bytes, self._whole.cache_kind = last.cache_bytes, last.cache_kind

    @property
    def cache_bytes(self) -> int | None:
        """Bytes of the cache's tensors at the end; None if there is no such cache."""
        return self._whole.cache_bytes


@contextmanager
def _at_pass(model: torch.nn.Module, number: int, act: Callable[[], None]) -> Iterator[None]:
    """Act when a model begins the pass of a number, counted from 1."""
    passes = itertools.count(1)

    def begin(*_: object) -> None:
        if next(passes) == number:
            act()

    handle = model.register_forward_pre_hook(begin)
    try:
        yield
    finally:
        handle.remove()


def _nothing() -> None:
    """Do nothing with a token."""


def _longer(ids: torch.Tensor, by: int) -> torch.Tensor:
    """Return ids or a mask with more columns, each like the last."""
    return torch.cat([ids, ids[:, -1:].expand(-1, by)], dim=1)
