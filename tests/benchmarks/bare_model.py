"""Whether a model type can run at all: built by Transformers alone and called with the simplest plausible inputs."""

from __future__ import annotations

import inspect
import json
import os
import re
import select
import signal
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any

BATCH, LENGTH = 2, 16
# Weights beyond this do not belong into a survey on a small machine.
MOST_PARAMETERS = 200e6


def in_child(work: Callable[[], dict[str, Any]], limit_s: float) -> dict[str, Any]:
    """Return what `work` returns in a forked process, or the error that ends it, as ``{"error": ...}``."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.setsid()
        os.close(reading)
        try:
            found = work()
        except BaseException as error:
            found = {"error": _text(error), "traceback": traceback.format_exc()[-2000:]}
        with suppress(OSError):
            os.write(writing, json.dumps(found, default=str).encode()[:60_000])
        os._exit(0)
    os.close(writing)
    data, until = b"", time.monotonic() + limit_s
    while (left := until - time.monotonic()) > 0 and select.select([reading], [], [], left)[0]:
        if not (more := os.read(reading, 1 << 16)):
            break
        data += more
    os.close(reading)
    with suppress(ProcessLookupError):
        os.killpg(child, signal.SIGKILL)
    os.waitpid(child, 0)
    if data:
        return dict(json.loads(data))
    return {"error": "timeout" if time.monotonic() >= until else "crashed"}


def try_bare(config: Any) -> dict[str, Any]:
    """Build the model of a configuration and run it; return its class, the inputs that it takes, and whether it trains.

    Raises
    ------
    Exception
        What the last way of calling it raised, or building it.
    """
    import torch

    torch.set_num_threads(1)
    model_class = choose_class(config)
    with torch.device("meta"):
        size = _parameters(model_class, config)
    if size > MOST_PARAMETERS:
        raise MemoryError(f"{size / 1e6:.0f} million parameters")
    torch.manual_seed(0)
    model = model_class(config).eval()
    names, outputs = _first_that_works(model)
    found = {"class": model_class.__name__, "inputs": names, "parameters": size}
    try:
        model.train()
        _, outputs = _first_that_works(model, names)
        next(_tensors(outputs)).float().mean().backward()
        return {**found, "trains": True}
    except Exception as error:
        return {**found, "trains": False, "training_error": _text(error)}


def choose_class(config: Any) -> Any:
    """Return the class that a worker would build, another that an ``AutoModel...`` knows, or one of the module's own.

    Raises
    ------
    ValueError
        If Transformers has no model class for the configuration.
    """
    import importlib

    from transformers import PreTrainedModel
    from transformers.models.auto import modeling_auto

    from hfbench_nb.protocol.model_kinds import CLASS_MAPPINGS

    known = [name for kind in ("base", "head") for name in CLASS_MAPPINGS[kind]]
    others = [name for name in vars(modeling_auto) if name.endswith("_MAPPING")]
    for mapping in (getattr(modeling_auto, name) for name in dict.fromkeys([*known, *others]) if
                    hasattr(modeling_auto, name)):  # fmt: skip
        with suppress(Exception):
            if type(config) in mapping:
                found = mapping[type(config)]
                return found[0] if isinstance(found, tuple) else found
    module_name = type(config).__module__.replace("configuration_", "modeling_")
    with suppress(ImportError):
        module = importlib.import_module(module_name)
        own = [
            value
            for value in vars(module).values()
            if inspect.isclass(value)
            and issubclass(value, PreTrainedModel)
            and getattr(value, "config_class", None) is type(config)
            and value.forward is not PreTrainedModel.forward
        ]
        if own:
            return own[-1]
    raise ValueError(f"no model class for {type(config).__name__}")


def _parameters(model_class: Any, config: Any) -> int:
    try:
        return sum(parameter.numel() for parameter in model_class(config).parameters())
    except Exception:
        return 0  # not on the meta device; the real one tells


def _first_that_works(model: Any, names: list[str] | None = None) -> tuple[list[str], Any]:
    """Call a model with one set of inputs after another, or with the named ones; return those that work first."""
    import torch

    known = _plausible(model)
    arguments = inspect.signature(model.forward).parameters
    required = [
        name
        for name, parameter in arguments.items()
        if parameter.default is parameter.empty and parameter.kind is parameter.POSITIONAL_OR_KEYWORD
    ]
    main = getattr(model, "main_input_name", "input_ids")
    own = [name for name in known if name in arguments]
    text = [name for name in ("input_ids", "decoder_input_ids") if name in arguments]
    ways = [[*required], [main, *required], text, [main, *text], ["input_ids"], ["pixel_values"], own]
    if names is not None:
        ways = [names]
    error: Exception = ValueError("no way to call it")
    for way in ways:
        chosen = [name for name in dict.fromkeys(way) if name in known]
        if not chosen or any(name not in known for name in required):
            if any(name not in known for name in required):
                error = ValueError(f"needs {', '.join(name for name in required if name not in known)}")
            continue
        for inputs in _variants({name: known[name] for name in chosen}, model.config):
            try:
                with torch.set_grad_enabled(names is not None):
                    return chosen, model(**inputs)
            except Exception as found:
                error = found
                _put_image_tokens(known, model.config, str(found))
    raise error


def _variants(inputs: dict[str, Any], config: Any) -> Iterator[dict[str, Any]]:
    """Yield inputs, then the same with other shapes that models want: mono audio, images in series, few of them."""
    yield inputs
    for name, axis in (("input_values", 1), ("input_features", 1), ("pixel_values", 1), ("pixel_values", 2)):
        if name in inputs:
            yield {**inputs, name: inputs[name].unsqueeze(axis)}
    if "pixel_values" in inputs and inputs["pixel_values"].ndim == 4:
        yield {**inputs, "pixel_values": inputs["pixel_values"].unsqueeze(1).repeat(1, 2, 1, 1, 1)}


def _put_image_tokens(known: dict[str, Any], config: Any, message: str) -> None:
    """Put as many tokens of images into the text as an error says there should be."""
    import torch

    found = re.search(r"tokens: \d+,? (?:image )?features:? (\d+)", message)
    token = _first(config, "image_token_id", "image_token_index", "audio_token_id", "audio_token_index")
    if found and token is not None and int(found[1]) % BATCH == 0:
        tokens = torch.full((BATCH, min(int(found[1]) // BATCH, 4096)), token)
        known["input_ids"] = torch.cat([tokens, known["input_ids"][:, -LENGTH:]], 1)
        known["attention_mask"] = torch.ones_like(known["input_ids"])


def _plausible(model: Any) -> dict[str, Any]:
    """Return small inputs of every name that is common."""
    import torch

    config = model.config
    image = _first(config, "image_size") or 224
    height, width = (image, image) if isinstance(image, int) else tuple(
        image.values() if isinstance(image, dict) else image)[:2]  # fmt: skip
    channels = _first(config, "num_channels") or 3
    ids = torch.randint(3, 50, (BATCH, LENGTH))
    mels = _first(config, "num_mel_bins") or 80
    pixels = torch.randn(BATCH, channels if isinstance(channels, int) else 3, height, width)
    if any(getattr(config, name, None) for name in ("num_frames", "tubelet_size")):
        pixels = torch.randn(BATCH, _first(config, "num_frames") or 8, 3, height, width)
    frames = _first(config, "max_source_positions")
    features = torch.randn(BATCH, mels, 2 * frames) if frames else torch.randn(BATCH, 64, mels)
    spectrogram = hasattr(config, "max_length") and hasattr(config, "num_mel_bins")
    return {
        "input_ids": ids, "decoder_input_ids": ids, "attention_mask": torch.ones_like(ids), "pixel_values": pixels,
        "input_values": torch.randn(BATCH, config.max_length, mels) if spectrogram else torch.randn(BATCH, 16_000),
        "input_features": features, "bbox": torch.ones(BATCH, LENGTH, 4, dtype=torch.long),
        "hidden_states": torch.randn(BATCH, LENGTH, _first(config, "hidden_size") or 64),
        "pixel_values_videos": pixels, "question_input_ids": ids, "decoder_attention_mask": torch.ones_like(ids),
        "query_embeds": torch.randn(BATCH, LENGTH, _first(config, "hidden_size") or 64), **_series(config),
    }  # fmt: skip


def _series(config: Any) -> dict[str, Any]:
    """Return what models of time series and of decisions take."""
    import torch

    history = _history(config)
    lags = _first(config, "lags_sequence")
    if lags:
        history[0] += max(lags)
    features = _first(config, "num_time_features") or 0
    future = _first(config, "prediction_length") or 8
    states, actions = _first(config, "state_dim") or 8, _first(config, "act_dim") or 4
    return {
        "past_values": torch.randn(BATCH, *history), "past_observed_mask": torch.ones(BATCH, *history),
        "past_time_features": torch.randn(BATCH, history[0], features),
        "future_time_features": torch.randn(BATCH, future, features), "future_values": torch.randn(BATCH, future),
        "states": torch.randn(BATCH, LENGTH, states), "actions": torch.randn(BATCH, LENGTH, actions),
        "rewards": torch.randn(BATCH, LENGTH, 1), "returns_to_go": torch.randn(BATCH, LENGTH, 1),
        "timesteps": torch.arange(LENGTH).repeat(BATCH, 1),
    }  # fmt: skip


def _history(config: Any) -> list[int]:
    size = [_first(config, "context_length", "context_len") or 32]
    channels = _first(config, "num_input_channels")
    return [*size, channels] if channels else size


def _first(config: Any, *names: str) -> Any:
    """Return the first value of these names in a configuration or one of its parts."""
    parts = [config, *(v for v in vars(config).values() if hasattr(v, "to_dict") and hasattr(v, "model_type"))]
    return next((found for part in parts for name in names if (found := getattr(part, name, None)) is not None), None)


def _tensors(outputs: Any) -> Iterator[Any]:
    import torch

    if isinstance(outputs, torch.Tensor):
        if outputs.is_floating_point() and outputs.requires_grad:
            yield outputs
        return
    values = outputs.values() if hasattr(outputs, "values") else outputs
    for value in values if hasattr(values, "__iter__") else ():
        yield from _tensors(value)


def _text(error: BaseException) -> str:
    return f"{type(error).__name__}: {error}"[:400]
