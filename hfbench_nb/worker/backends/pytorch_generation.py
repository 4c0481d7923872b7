"""PyTorch: text by a model's own ``generate``: greedy, with its cache, exactly as many new tokens as asked for.

Tokens are handed over by ``generate`` itself, to the object that it calls a streamer, as soon as they are on the host.
That costs about a microsecond per token: ``generate`` waits for the device after each token anyway.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any
from unittest import mock

import torch
import transformers
import transformers.models.auto.modeling_auto as auto
from transformers import CompileConfig, GenerationConfig
from transformers.generation.configuration_utils import ALL_CACHE_IMPLEMENTATIONS

from hfbench_nb.worker.backends.base import CallInputs
from hfbench_nb.worker.backends.inputs.base import forward_arguments
from hfbench_nb.worker.backends.pytorch_caches import CACHE_NAMES, cache_bytes, kind_of_cache
from hfbench_nb.worker.backends.pytorch_lengths import check_generated_positions

# What `generate` calls on the model after each forward pass, with all that it keeps for the next one.
_UPDATE = "_update_model_kwargs_for_generation"


def check_generates(model: torch.nn.Module) -> None:
    """Raise unless a model can generate text.

    Raises
    ------
    NotImplementedError
        If it cannot, or reads its text from both sides, so that continuing it makes no sense.
    """
    name = type(model).__name__
    if not isinstance(model, transformers.PreTrainedModel) or not model.can_generate():
        raise NotImplementedError(f"{name} cannot generate text: it has no generate of Transformers")
    config = model.config
    is_encoder = type(config) in auto.MODEL_FOR_MASKED_LM_MAPPING and not config.is_encoder_decoder
    if is_encoder and type(config) in auto.MODEL_FOR_CAUSAL_LM_MAPPING and not getattr(config, "is_decoder", False):
        raise NotImplementedError(
            f"{name} cannot generate text: with this configuration it is an encoder, which reads its text from both "
            "sides; is_decoder=True in the configuration makes it a decoder"
        )


def prompt_of(model: torch.nn.Module, inputs: CallInputs) -> CallInputs:
    """Return the inputs of a forward pass as those of ``generate``.

    What an encoder-decoder writes begins with its start token; only where the encoder reads no text, what the decoder
    is given is the prompt.  Nothing in a text is padding.
    """
    tensors = dict(inputs.tensors)
    if "input_ids" in tensors:
        tensors.pop("decoder_input_ids", None)
        if "attention_mask" in forward_arguments(model) and tensors["input_ids"].ndim == 2:
            tensors.setdefault("attention_mask", torch.ones_like(tensors["input_ids"]))
    shapes = {name: list(tensor.shape) for name, tensor in tensors.items() if isinstance(tensor, torch.Tensor)}
    return CallInputs(tensors, inputs.note, {**inputs.details, "inputs": shapes})


def generation_config(
    config: Any, new_tokens: int, cache: str | None, compiled: CompileConfig | None = None
) -> GenerationConfig:
    """Return settings for exactly `new_tokens` tokens.

    No token ends a text, and nothing of the checkpoint's own settings applies.

    Raises
    ------
    ValueError
        If the installed Transformers knows no cache of this name.
    """
    if cache is not None and cache not in ALL_CACHE_IMPLEMENTATIONS:
        raise ValueError(
            f"cache_implementation={cache!r}: Transformers {transformers.__version__} knows "
            f"{', '.join(sorted(ALL_CACHE_IMPLEMENTATIONS))}"
        )
    padding = _token(config, "pad_token_id")
    start = _token(config, "decoder_start_token_id", "bos_token_id", "pad_token_id")
    return GenerationConfig(  # type: ignore[no-untyped-call]
        max_new_tokens=new_tokens,
        do_sample=False,
        num_beams=1,
        use_cache=True,
        cache_implementation=cache,
        compile_config=compiled,
        eos_token_id=None,
        pad_token_id=0 if padding is None else padding,
        bos_token_id=_token(config, "bos_token_id"),
        decoder_start_token_id=(start or 0) if getattr(config, "is_encoder_decoder", False) else None,
    )


def _token(config: Any, *names: str) -> int | None:
    """Return the first id of these names in the configuration of a model, or of the text that it writes."""
    parts = [config, config.get_text_config(decoder=True)] if hasattr(config, "get_text_config") else [config]
    found = (getattr(part, name, None) for name in names for part in parts)
    return next((token for token in found if isinstance(token, int) and token >= 0), None)


class Generate:
    """One call of a model's ``generate``.

    Parameters
    ----------
    model, inputs
        The model, and the arguments of its ``generate``.
    new_tokens
        How many tokens it adds to each sequence.
    cache
        The cache to use; None for the model's own.
    compiles_itself
        Whether ``generate`` compiles the pass for each further token by itself.
    mode
        The mode in which it is to do so; None for its own.

    Attributes
    ----------
    model
        The model.
    cache_bytes
        Bytes of the tensors of the cache, or the state, at the end of the last call that was watched; None if it was in
        none of the places where models keep theirs.
    cache_kind
        What kind of cache that was, as in `kind_of_cache`.

    Raises
    ------
    NotImplementedError, ValueError
        If the model cannot generate, not so many tokens, or not with this cache.
    """

    def __init__(
        self,
        model: torch.nn.Module,
        inputs: dict[str, Any],
        length: int,
        new_tokens: int,
        cache: str | None,
        *,
        compiles_itself: bool = False,
        mode: str | None = None,
    ) -> None:
        check_generates(model)
        check_generated_positions(model, length, new_tokens, reads_text="input_ids" in inputs)
        if cache is not None and not getattr(model, "_supports_default_dynamic_cache", lambda: True)():
            raise ValueError(
                f"cache_implementation={cache!r}: {type(model).__name__} has no such cache, but a state of its own"
            )
        self.model: Any = model
        self._new_tokens, self._wanted = new_tokens, cache
        self._is_surprising = compiles_itself and mode is None
        compiled = CompileConfig(mode=mode) if compiles_itself and mode is not None else None
        self._config = generation_config(model.config, new_tokens, cache, compiled)
        # What `generate` would otherwise take from the checkpoint, or from the model's configuration.
        for part in _generating_parts(model):
            part.generation_config = self._config
        self._inputs = inputs
        self.cache_bytes: int | None = None
        self.cache_kind: str | None = None

    @torch.no_grad()
    def __call__(self, on_token: Callable[[], None]) -> None:
        """Generate.

        Raises
        ------
        RuntimeError
            If another number of tokens came than was asked for.
        """
        streamer = _Streamer(on_token)
        self.model.generate(**self._inputs, generation_config=self._config, streamer=streamer)
        if streamer.tokens != self._new_tokens:
            raise RuntimeError(
                f"generate of {type(self.model).__name__} wrote {streamer.tokens} tokens, not {self._new_tokens}"
            )

    def watched(self, on_token: Callable[[], None]) -> None:
        """Generate, and look at the cache at the end.

        Raises
        ------
        ValueError
            If the model has not used the cache that was asked for.
        """
        with _last_caches(self.model) as caches:
            self(on_token)
        self.cache_bytes = cache_bytes(caches) if caches else None
        self.cache_kind = next(filter(None, map(kind_of_cache, caches)), None)
        wanted = None if self._wanted is None else kind_of_name(self._wanted)
        if wanted is not None and self.cache_kind != wanted:
            raise ValueError(
                f"cache_implementation={self._wanted!r}: {type(self.model).__name__} of Transformers "
                f"{transformers.__version__} has no such cache, and used {self.cache_kind or 'one of its own'}"
            )

    @contextmanager
    def shortened(self, new_tokens: int) -> Iterator[tuple[int, int]]:
        """Write no more than so many tokens meanwhile; yield how many are written, and how many usually."""
        usual = self._new_tokens
        self._new_tokens = self._config.max_new_tokens = min(usual, new_tokens)
        try:
            yield self._new_tokens, usual
        finally:
            self._new_tokens = self._config.max_new_tokens = usual

    def notes(self) -> list[str]:
        """Tell what a reader of the metrics should know."""
        notes = []
        if self.cache_bytes is None:
            name = type(self.model).__name__
            notes.append(f"kv_cache_mb: {name} keeps its cache where it cannot be read, or has none")
        if self._is_surprising:
            notes.append("with a static cache on a GPU, generate compiles the pass for each further token by itself")
        return notes


def is_compiled(implementation: object) -> bool:
    """Return whether ``generate`` compiles the forward pass on a GPU with this cache, which then has one size."""
    return implementation is not None and kind_of_name(str(implementation)) == "static"


def kind_of_name(implementation: str) -> str:
    """Return which kind of cache an implementation makes: ``dynamic``, ``static`` or ``quantized``."""
    return implementation if implementation == "quantized" else (
        "dynamic" if implementation.startswith("dynamic") or implementation == "offloaded" else "static"
    )  # fmt: skip


class _Streamer:
    """What ``generate`` hands the ids to: first the prompt, then one token of every sequence at a time."""

    def __init__(self, on_token: Callable[[], None]) -> None:
        self._on_token = on_token
        self.tokens = -1

    def put(self, ids: torch.Tensor) -> None:
        """Take ids."""
        self.tokens += 1
        if self.tokens:
            self._on_token()

    def end(self) -> None:
        """Do nothing: the call returns."""


def _generating_parts(model: torch.nn.Module) -> list[Any]:
    return [part for part in model.modules() if hasattr(part, _UPDATE)]


@contextmanager
def _last_caches(model: torch.nn.Module) -> Iterator[list[Any]]:
    """Collect what a model keeps for the next pass, of the last pass of a call: caches and states."""
    caches: list[Any] = []

    def keeping(update: Callable[..., dict[str, Any]]) -> Callable[..., dict[str, Any]]:
        def updated(*args: Any, **kwargs: Any) -> dict[str, Any]:
            kept = update(*args, **kwargs)
            caches[:] = [kept[name] for name in CACHE_NAMES if kept.get(name) is not None]
            return kept

        return updated

    with ExitStack() as patches:
        for part in _generating_parts(model):
            patches.enter_context(mock.patch.object(part, _UPDATE, keeping(getattr(part, _UPDATE))))
        yield caches
