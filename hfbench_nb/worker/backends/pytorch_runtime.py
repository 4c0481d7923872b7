"""PyTorch set up on one device: what it builds, calls and measures with."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import torch
import transformers

from hfbench_nb.protocol.case import Case, Settings
from hfbench_nb.protocol.request import Method, ModelSpec
from hfbench_nb.worker.backends import model_errors, pytorch_generation, pytorch_models, pytorch_own, pytorch_pretrained
from hfbench_nb.worker.backends.base import Attempt, Built, CallInputs, GenerateCall
from hfbench_nb.worker.backends.labels import describe_call
from hfbench_nb.worker.backends.model_classes import dense_note
from hfbench_nb.worker.backends.pytorch_attention import check_attention, set_attention
from hfbench_nb.worker.backends.pytorch_building import choose_class, describe, describe_loaded, with_added
from hfbench_nb.worker.backends.pytorch_compile import Compilation
from hfbench_nb.worker.backends.pytorch_counting import Counting
from hfbench_nb.worker.backends.pytorch_devices import XlaModule, device_module, find_device, open_meters
from hfbench_nb.worker.backends.pytorch_lengths import check_positions
from hfbench_nb.worker.backends.pytorch_lora import load_adapting
from hfbench_nb.worker.backends.pytorch_optimizers import import_optimizer
from hfbench_nb.worker.backends.pytorch_parts import count_features
from hfbench_nb.worker.backends.pytorch_profile import Profiling
from hfbench_nb.worker.backends.pytorch_quantization import Quantization
from hfbench_nb.worker.backends.pytorch_reference import make_reference
from hfbench_nb.worker.backends.pytorch_training import PHASES, StepSettings, TrainingStep
from hfbench_nb.worker.backends.pytorch_watches import FirstPass
from hfbench_nb.worker.clock import Stopwatch
from hfbench_nb.worker.memory import Meter
from hfbench_nb.worker.nvml import NvmlDevice
from hfbench_nb.worker.phase_clock import phase_clock


class PyTorchRuntime(Counting, Profiling):
    """PyTorch set up on one device.

    Attributes
    ----------
    quantizes
        Whether weights can be quantized.
    """

    quantizes = True

    def __init__(self, settings: Settings, method: Method) -> None:
        self._settings = settings
        self._method = method
        self._first_pass = FirstPass()
        self._compilation: Compilation | None = None
        self._quantization: Quantization | None = None
        self._called: torch.nn.Module | None = None
        self._generate: pytorch_generation.Generate | None = None
        self._step: TrainingStep | None = None
        self.compiles = False
        dtype = str(settings.get("dtype", "float32"))
        self.dtype: torch.dtype = getattr(torch, dtype)
        self._threads_before = torch.get_num_threads()
        if settings.get("threads") is not None:
            torch.set_num_threads(settings["threads"])  # type: ignore[arg-type]
        self._xla = XlaModule() if method.use_tpu else None
        self.device = (
            find_device(str(settings.get("device", "auto")), method) if self._xla is None else XlaModule.device()
        )
        self.resolved = Settings(device=str(self.device), threads=torch.get_num_threads())
        self.framework_version = torch.__version__
        self.details: dict[str, Any] = {
            "transformers_version": transformers.__version__,
            "dtype": dtype,
            **self.resolved,
        }
        self.nvml: NvmlDevice | None
        self.meter: Meter
        self.stopwatch: Stopwatch
        self.nvml, self.meter, self.stopwatch = open_meters(self.device, self.dtype, self._xla)

    def load_libraries(self) -> None:
        """Import what the settings need beside the framework: that is baseline."""
        self._quantization = Quantization.of(self._settings, self.device, self.dtype)
        self._compilation = Compilation.of(self._settings, self.device, self._method)
        self.compiles = self._compilation is not None

    def build(self, spec: ModelSpec, kind: str, *, training: bool) -> Built:
        """Build a model from its configuration on the device, with random or with pretrained weights."""
        self._check_tracing(training)
        config, model_class = choose_class(spec, kind, self._settings, self._method)
        if self._settings.get("weights") == "pretrained":
            loaded = pytorch_pretrained.load(spec, model_class, config, self.dtype, self.device, self._method.seed)
            return self._finish(loaded.model, training, loaded.note, {"load_s": loaded.load_s})
        model = pytorch_models.build(model_class, config, self.dtype, self.device, self._method.seed)
        note = dense_note(config)
        if note and self.quantizes and not training and self._quantization is None:
            asked = Quantization.asked_by(config, self._settings, self.device, self.dtype, note)
            self._quantization, note = asked
        if self._quantization is not None:
            return self._finish(model, training, note, {})
        self._resolve_attention(model)
        return describe(model, training, note)

    def take_over(self, built: Built, resolved: Settings, *, training: bool) -> Built:
        """Use a model that the process from which this one was forked has built."""
        self._check_tracing(training)
        self.resolved = Settings({**resolved, **self.resolved})
        built.model.train(training)
        return built

    def adopt(self, make: Callable[[], object], *, training: bool) -> Built:
        """Put the model that a user's function returns on the device."""
        self._check_tracing(training)
        self.resolved = Settings(self.resolved, weights="factory")
        model = pytorch_own.build(make, self.dtype, self.device, self._method.seed)
        config = getattr(model, "config", None)
        if self._settings.get("torchscript") and isinstance(config, transformers.PretrainedConfig):
            pytorch_models.prepare_for_tracing(config)
        set_attention(model, self._settings.get("attn_implementation"))
        return self._finish(model, training, "", {})

    def _check_tracing(self, training: bool) -> None:
        if self._settings.get("torchscript") and training:
            raise NotImplementedError("Training for torchscript is currently not implemented")

    def _resolve_attention(self, model: torch.nn.Module) -> None:
        used = check_attention(model, self._settings.get("attn_implementation"))
        if used is not None:
            self.resolved = Settings(self.resolved, attn_implementation=used)

    def _finish(self, model: torch.nn.Module, training: bool, note: str, details: dict[str, Any]) -> Built:
        """Return a model that was loaded along with other things, once it is quantized if that is asked for."""
        self._resolve_attention(model)
        if self._quantization is None:
            return describe_loaded(model, self.device, training, note, details)
        quantized = self._quantization.apply(model)
        self.resolved = Settings(self.resolved, quantization=self._quantization.method)
        note = "; ".join(filter(None, [note, quantized.note]))
        details = {**details, **quantized.details}
        return describe_loaded(model, self.device, training, note, details, quantized.parameters)

    def make_inputs(self, model: torch.nn.Module, case: Case, *, labels: bool) -> CallInputs:
        """Make random inputs of the case's sizes that fit the model and, if asked for, labels that fit its head."""
        inputs = self._describe_inputs(model, case, labels=labels)
        if {"input_ids", "decoder_input_ids"} & set(inputs.tensors):
            check_positions(model, case.sizes[1], only_decoder="input_ids" not in inputs.tensors)
        return inputs

    def make_prompt(self, model: torch.nn.Module, case: Case) -> CallInputs:
        """Make random prompts of the case's sizes, with what else the model needs to continue them."""
        return pytorch_generation.prompt_of(model, self._describe_inputs(model, case, labels=False))

    def _describe_inputs(self, model: torch.nn.Module, case: Case, *, labels: bool) -> CallInputs:
        pytorch_own.check_inputs_can_be_made(model)

        def to_tensors(arrays: dict[str, Any]) -> dict[str, Any]:
            return pytorch_models.to_tensors(arrays, model, self.device)

        def count(what: str, arrays: dict[str, Any]) -> int | None:
            try:
                return count_features(model, what, to_tensors(arrays))
            except Exception as error:
                if self.is_out_of_memory(error):
                    raise MemoryError(str(error)) from error
                raise

        inputs = describe_call(model, case, self._method.seed, labels=labels, count_features=count)
        self._first_pass.parts.begin(model)
        return replace(inputs, tensors=to_tensors(inputs.tensors))

    def take_inputs(self, make: Callable[[], object], model: torch.nn.Module) -> CallInputs:
        """Put the inputs that a user's function returns on the device; training then needs a loss."""
        return pytorch_own.take_inputs(make, model, self.device, self._method.seed)

    def inference_call(self, model: torch.nn.Module, inputs: CallInputs) -> Callable[[], object]:
        """Return a function that runs one forward pass without gradients."""
        self._called = model
        if self._settings.get("torchscript"):
            return pytorch_models.trace(model, inputs.tensors)
        return self._stepping(self._compiled(model, lambda: pytorch_models.infer(model, inputs.tensors)))

    def _compiled(self, model: torch.nn.Module, call: Callable[[], object]) -> Callable[[], object]:
        """Let a model be compiled, if that is asked for; return its call."""
        if self._compilation is None:
            return call
        self._compilation.follow(model)
        return self._compilation.stepping(call)

    def training_call(self, model: torch.nn.Module, inputs: CallInputs) -> Callable[[], object]:
        """Return a function that clears the gradients, runs a forward and a backward pass, and what is asked for."""
        loss = pytorch_models.model_loss if inputs.loss is None else pytorch_own.checked_loss(inputs.loss)
        clock = None
        if self._xla is None:
            clock = phase_clock(PHASES, None if self.device.type == "cpu" else device_module(self.device))
        step = TrainingStep(model, inputs.tensors, loss, StepSettings.of(self._settings), self.device, clock)
        self._step, self._called = step, model
        if self._compilation is not None:
            self._compilation.follow(model)  # only now: what the step has looked at before is the model itself
            step.on_begin = self._compilation.begin_step
        return self._stepping(step)

    def prepare_training(self) -> Callable[[Built], Built] | None:
        """Import the optimizer and, if adapters are to be trained, PEFT; return what adds them to a model."""
        import_optimizer(StepSettings.of(self._settings).optimizer)
        rank = int(self._settings.get("lora_rank") or 0)
        if not rank:
            return None
        add = load_adapting(rank)

        def adapt(built: Built) -> Built:
            return with_added(built, add(built.model))

        return adapt

    def generate_call(self, model: torch.nn.Module, inputs: CallInputs, case: Case) -> GenerateCall:
        """Return a call that continues the prompts by as many tokens as the case says."""
        if self._settings.get("torchscript"):
            raise NotImplementedError("generation with torchscript=True is not possible: only a forward pass is traced")
        cache = self._settings.get("cache_implementation")
        compiles_itself = self.device.type == "cuda" and pytorch_generation.is_compiled(cache)
        self._called = model
        self._generate = pytorch_generation.Generate(
            model,
            inputs.tensors,
            case.sizes[1],
            int(case.settings["new_tokens"] or 0),
            None if cache is None else str(cache),
            compiles_itself=compiles_itself,
            mode=None if self._compilation is None else self._compilation.mode,
        )
        if self._compilation is not None and not compiles_itself:
            self._compilation.follow(model)
        self.compiles = self._compilation is not None or compiles_itself
        return self._generate

    def _stepping(self, call: Callable[[], object]) -> Callable[[], object]:
        """On a TPU, make each call run: torch_xla only records operations until it is told that a step ends."""
        if self._xla is None:
            return call
        mark_step = self._xla.mark_step

        def step() -> object:
            outputs = call()
            mark_step()
            return outputs

        return step

    def reference(self) -> Callable[[], object]:
        """Return a matrix product and a copy of memory, with the threads of the case."""
        if self.device.type == "cpu" or self._xla is not None:
            return make_reference(torch.device("cpu"), None)
        return make_reference(self.device, device_module(self.device).synchronize)

    def forget_passes(self, model: torch.nn.Module | None) -> None:
        """Drop the gradients of a model; a function has none."""
        if model is not None:
            model.zero_grad(set_to_none=True)

    def is_out_of_memory(self, error: BaseException) -> bool:
        """Return whether an error means that there was not enough memory."""
        return isinstance(error, torch.OutOfMemoryError) or (
            isinstance(error, RuntimeError) and "can't allocate memory" in str(error)
        )

    def explain(self, error: Exception, attempt: Attempt) -> Exception:
        """Return what is reported instead of an error that was raised while a model was built or called."""
        if self._compilation is not None and attempt.step == "calling":
            explained = self._compilation.explain(error, type(attempt.model).__name__)
            if explained is not None:
                return explained
        return model_errors.explain(error, attempt)

    @contextmanager
    def hear(self) -> Iterator[list[str]]:
        """Collect what Transformers says of slow code that it runs, and what there is to tell of a first pass."""
        with self._first_pass.watching(self._compilation) as heard:
            yield heard
        if self._called is None:
            return
        for told in (self._step, self._generate, self._compilation):
            heard += [] if told is None else told.notes()
        self.attention_kernels = self._first_pass.attention_kernels(self._called, self._compilation)
        if self.attention_kernels:
            self.details["attention_kernel"] = ", ".join(self.attention_kernels)
        if self._generate is not None and self._settings.get("cache_implementation") is None:
            kind = self._generate.cache_kind
            self.resolved = self.resolved if kind is None else Settings(self.resolved, cache_implementation=kind)

    def close(self) -> None:
        """Restore the process as it was, and print torch_xla's metrics if requested."""
        if self._xla is not None and self._method.torch_xla_tpu_print_metrics:
            print(self._xla.metrics_report())
        if self._compilation is not None:
            self.details |= self._compilation.details
            self._compilation.close()
        torch.set_num_threads(self._threads_before)
