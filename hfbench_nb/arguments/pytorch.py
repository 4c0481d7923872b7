"""The arguments of the PyTorch benchmark."""

from __future__ import annotations

import importlib.util
import itertools
import re
from dataclasses import dataclass
from typing import Any

from hfbench_nb.arguments import checks
from hfbench_nb.arguments.benchmark import MODELS, SIZES, BenchmarkArguments
from hfbench_nb.arguments.documentation import document_fields
from hfbench_nb.arguments.fields import Axis, option
from hfbench_nb.arguments.foreign_names import refuse_foreign_names
from hfbench_nb.arguments.measurement import MEASURE, profile_option
from hfbench_nb.arguments.negative_names import accept_negative_names
from hfbench_nb.protocol.errors import ArgumentError, wrong_value
from hfbench_nb.protocol.tasks import GENERATION, TRAINING

WEIGHTS = ("random", "pretrained")
FP16_OPT_LEVELS = ("O0", "O1", "O2", "O3")
OPTIMIZERS = ("none", "sgd", "adamw", "adamw_fused", "adafactor", "adamw_8bit")
AUTOCASTS = ("none", "bfloat16", "float16")
COMPILE_MODES = ("none", "default", "reduce-overhead", "max-autotune")
QUANTIZATIONS = ("none", "int8_dynamic", "int8_weight_only", "int4_weight_only", "bnb_8bit", "bnb_4bit")

STEP = "Training step"

_MOST_MICRO_BATCHES = 10_000
_LARGEST_RANK = 1_000_000

LEAST_NEW_TOKENS = 2  # the time per token is that between the first and the last
_CACHE = re.compile(r"[a-z][a-z0-9_]{0,99}")
_ATTENTION = re.compile(r"[A-Za-z][\w|/@.:-]{0,99}")


def _check_attention(name: str, value: object) -> None:
    if not isinstance(value, str) or not _ATTENTION.fullmatch(value):
        raise wrong_value(name, value, "the name of an attention kernel, such as 'eager' or 'sdpa', or None")


def _check_new_tokens(name: str, value: object) -> None:
    checks.integer(name, value, minimum=LEAST_NEW_TOKENS)


def _check_cache(name: str, value: object) -> None:
    if not isinstance(value, str) or not _CACHE.fullmatch(value):
        raise wrong_value(name, value, "the name of a cache, such as 'dynamic' or 'static', or None")


def _compile_words(mode: str) -> str:
    return {"none": "not compiled", "default": "compiled"}.get(mode, f"compiled {mode}")


def _check_accumulation(name: str, value: object) -> None:
    checks.integer(name, value, minimum=1, maximum=_MOST_MICRO_BATCHES)


def _check_rank(name: str, value: object) -> None:
    checks.integer(name, value, minimum=0, maximum=_LARGEST_RANK)


@document_fields
@refuse_foreign_names
@accept_negative_names
@dataclass(kw_only=True, repr=False)
class PyTorchBenchmarkArguments(BenchmarkArguments):
    """Measure models in PyTorch.

    The arguments of Transformers 4.48's class of this name, and more.

    Raises
    ------
    ArgumentError
        If a value cannot be used; the message names the parameter, the value and what is allowed.

    Examples
    --------
    >>> from hfbench_nb import PyTorchBenchmarkArguments
    >>> PyTorchBenchmarkArguments(models=["gpt2"], batch_sizes=[1, 8]).batch_sizes
    [1, 8]
    """

    framework = "PyTorch"

    generation: bool = option(
        False, "Measure generation: the model's generate, greedy, with its cache.", task=GENERATION, group=MEASURE
    )
    new_tokens: int | list[int] = option(
        [32],
        "Number of tokens to generate after each prompt (generation only), at least 2.",
        axis=Axis(_check_new_tokens, title="New tokens", is_size=True, minimum=LEAST_NEW_TOKENS, task=GENERATION),
        group=SIZES,
    )
    cache_implementation: str | list[str] | None = option(
        None,
        "Cache of keys and values (generation only): dynamic, static, offloaded, quantized, or another that the "
        "installed Transformers knows. By default the model's own.",
        axis=Axis(_check_cache, lambda name: "default cache" if name is None else f"{name} cache", task=GENERATION),
        suggestions=lambda: ("dynamic", "static", "offloaded", "quantized"),
        group=MODELS,
    )
    optimizer: str | list[str] = option(
        "none",
        "Optimizer whose step is part of a call (training only): PyTorch's with default settings, adafactor of "
        "Transformers, adamw_8bit of bitsandbytes. Without one, training is a forward and a backward pass.",
        OPTIMIZERS,
        axis=Axis(words=lambda name: "no optimizer" if name == "none" else str(name), task=TRAINING),
        group=STEP,
    )
    gradient_checkpointing: bool | list[bool] = option(
        False,
        "Compute the activations of the layers again in the backward pass, instead of keeping them (training only).",
        axis=Axis(words=lambda value: "checkpointing" if value else "no checkpointing", task=TRAINING),
        group=STEP,
    )
    autocast: str | list[str] = option(
        "none",
        "Data type that autocast computes in, while weights, gradients and optimizer keep theirs (training only); "
        "float16 scales the gradients.",
        AUTOCASTS,
        axis=Axis(words=lambda name: "no autocast" if name == "none" else f"autocast {name}", task=TRAINING),
        group=STEP,
    )
    gradient_accumulation: int | list[int] = option(
        1,
        "Number of micro-batches of a step (training only). The batch size is that of a micro-batch.",
        axis=Axis(
            _check_accumulation,
            lambda number: f"{number} micro-batch{'es' if number > 1 else ''}",
            title="Micro-batches per step",
            task=TRAINING,
        ),
        group=STEP,
    )
    lora_rank: int | list[int] = option(
        0,
        "Train only low-rank adapters of this rank (training only), by PEFT; 0 trains all weights.",
        axis=Axis(
            _check_rank, lambda rank: f"LoRA rank {rank}" if rank else "all weights", title="LoRA rank", task=TRAINING
        ),
        group=STEP,
    )
    attn_implementation: str | list[str] | None = option(
        None,
        "Attention kernel: eager, sdpa, flex_attention, flash_attention_2, or another that the installed Transformers "
        "knows. By default the model's own.",
        axis=Axis(_check_attention),
        suggestions=lambda: ("eager", "sdpa", "flex_attention", "flash_attention_2"),
        group=MODELS,
    )
    weights: str | list[str] = option(
        "random",
        "Weights of the models: random, or those of the folder or checkpoint (from the Hugging Face cache) that is "
        "named.",
        WEIGHTS,
        axis=Axis(words=lambda value: f"{value} weights"),
        group=MODELS,
    )
    compile: str | list[str] = option(
        "none",
        "Compile the model with torch.compile, in this mode, before it is measured; the time of that is compile_s.",
        COMPILE_MODES,
        axis=Axis(words=_compile_words),
        group=MODELS,
    )
    quantization: str | list[str] = option(
        "none",
        "Quantize the linear layers of the model before it is measured (not for training), by PyTorch itself, torchao, "
        "or bitsandbytes.",
        QUANTIZATIONS,
        axis=Axis(words=lambda method: "not quantized" if method == "none" else str(method)),
        group=MODELS,
    )
    torchscript: bool | list[bool] = option(
        False,
        "Trace the model with TorchScript before it is measured (inference only).",
        axis=Axis(words=lambda value: "TorchScript" if value else "not traced", fact="use_torchscript"),
    )
    profile: bool = profile_option()
    torch_xla_tpu_print_metrics: bool = option(False, "On a TPU, log the metrics of torch_xla.", measured=False)
    fp16_opt_level: str = option(
        "O1", "Apex level of the original; it has no effect, as in the original.", FP16_OPT_LEVELS, measured=False
    )

    def check(self) -> None:  # noqa: D102 - inherited
        super().check()
        checks.one_of("fp16_opt_level", self.fp16_opt_level, FP16_OPT_LEVELS)
        traced, modes = (checks.values_of_axis(self, name) for name in ("torchscript", "compile"))
        if all(self.contradiction({"torchscript": t, "compile": m}) for t, m in itertools.product(traced, modes)):
            raise ArgumentError(
                f"torchscript=True and compile={modes[0]!r} contradict each other: a model is traced or compiled, not "
                "both.",
                "torchscript",
                "compile",
            )
        quantized = [method for method in checks.values_of_axis(self, "quantization") if method != "none"]
        if self.training and quantized:
            raise ArgumentError(
                f"training=True and quantization={quantized[0]!r} contradict each other: quantized weights have no "
                "gradients. Measure training without quantization, in a run of its own.",
                "training",
                "quantization",
            )

    def contradiction(self, settings: dict[str, Any]) -> str:  # noqa: D102 - inherited
        both = settings.get("torchscript") and settings.get("compile", "none") != "none"
        return "a model is either traced or compiled" if both else ""

    @property
    def is_tpu(self) -> bool:
        """Whether a TPU is to be used: torch_xla is installed and `tpu` is True."""
        return self.tpu and importlib.util.find_spec("torch_xla") is not None
