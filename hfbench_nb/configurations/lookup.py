"""Looking up a model's configuration by its name, without loading a framework."""

from __future__ import annotations

import contextlib
import os
import socket
import threading
import urllib.request
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from hfbench_nb.configurations import catalog
from hfbench_nb.configurations.objects import spec_of
from hfbench_nb.configurations.overrides import apply_overrides, parse_overrides, split_name
from hfbench_nb.configurations.own_code import check_factory, is_factory
from hfbench_nb.protocol.decoding import parse_json, read_text, why_unreadable
from hfbench_nb.protocol.errors import ArgumentError, ModelNotFoundError
from hfbench_nb.protocol.model_kinds import WEIGHT_FILES
from hfbench_nb.protocol.request import ModelSpec
from hfbench_nb.rendering.suggestions import did_you_mean

HUB_TIMEOUT_S = 3.0


def find_models(
    names: Sequence[str],
    configs: Sequence[Any] | None = None,
    *,
    trust_remote_code: bool = False,
    pretrained: bool = False,
) -> list[ModelSpec]:
    """Find the configuration of each model.

    Parameters
    ----------
    names
        Names of the models; ``NAME:key=value,key=value`` is NAME with some settings of its configuration replaced.
    configs
        Their configurations (``transformers.PretrainedConfig``) or factories, in the same order; None to look each
        name up in a local directory, the Hugging Face cache, the built-in catalogue and the hub, in this order.
    trust_remote_code
        Whether to fetch the code that a model on the hub comes with, for the worker. It is not imported here.
    pretrained
        Whether to fetch the weights of a model that is neither in a directory nor in the cache, if the hub answers.

    Returns
    -------
    list of ModelSpec
        One per name, in the same order.

    Raises
    ------
    ModelNotFoundError
        If a name is not found; the message suggests close matches.
    ArgumentError
        If `configs` does not fit `names`, or a ``config.json`` cannot be read.
    """
    if configs is None:
        specs = [find_model(name, trust_remote_code=trust_remote_code) for name in names]
        for spec in specs:
            if pretrained and spec.folder is None:
                fetch_weights(spec.checkpoint)
        return specs
    if isinstance(configs, str | dict) or not isinstance(configs, Sequence):
        raise ArgumentError(
            f"configs is of type {type(configs).__name__}: it must be a list of configurations or factories."
        )
    if len(configs) != len(names):
        raise ArgumentError(
            f"configs has {len(configs)} configurations and models has {len(names)} names: there must be one "
            "configuration for each name."
        )
    if pretrained:
        raise ArgumentError(
            "weights='pretrained' and configs=[...] contradict each other: weights come from the folder or the "
            "checkpoint that models=[...] names; a factory can load its own.",
            "weights",
            "configs",
        )
    return [_given(name, config) for name, config in zip(names, configs, strict=True)]


def find_model(name: str, *, trust_remote_code: bool = False, ask_hub: bool = True) -> ModelSpec:
    """Find one model by its name; see `find_models`. Without `ask_hub`, the network is not used."""
    base, overrides = split_name(name)
    found = _look_up(name, ask_hub=ask_hub and not overrides)
    if found is None and overrides:
        origin = find_model(base, trust_remote_code=trust_remote_code, ask_hub=ask_hub)
        config = apply_overrides(origin.config, parse_overrides(overrides), base)
        changed = {key: value for key, value in config.items() if origin.config.get(key, ...) != value}
        return replace(origin, name=name, config=config, overrides={**origin.overrides, **changed})
    if found is None:
        raise _not_found(name, ask_hub=ask_hub)
    source, config = found
    if trust_remote_code and "auto_map" in config and source in ("cache", "hub"):
        _fetch_code(name)
    folder = os.path.abspath(name) if source == "directory" else None
    return ModelSpec(name, config, source, folder=folder, checkpoint=name)


def _look_up(name: str, *, ask_hub: bool) -> tuple[str, dict[str, Any]] | None:
    """Return the first source that has a model, and its configuration."""
    sources: dict[str, Callable[[str], dict[str, Any] | None]] = {
        "directory": _in_directory,
        "cache": _in_cache,
        "catalogue": catalog.find_config,
        **({"hub": _on_hub} if ask_hub else {}),
    }
    found = ((source, look_up(name)) for source, look_up in sources.items())
    return next(((source, config) for source, config in found if config is not None), None)


def _not_found(name: str, *, ask_hub: bool) -> ModelNotFoundError:
    base, _, setting = name.rpartition(":")
    if base and _look_up(base, ask_hub=False) is not None:
        return ModelNotFoundError(
            f"models: {name!r} gives {setting!r} no value: an override is of the form key=value, as in "
            f"{base}:num_hidden_layers=6."
        )
    hint = did_you_mean(name, catalog.all_names())
    hub = "the hub did not provide it" if ask_hub else "the hub was not asked"
    return ModelNotFoundError(
        f"models: {name!r} is not a directory with a config.json, not in the Hugging Face cache, not in the catalogue "
        f"(see `hfbench models`), and {hub}.{hint}",
        in_code="A configuration of your own can be given as configs=[...].",
    )


def _in_directory(name: str) -> dict[str, Any] | None:
    path = Path(name) / "config.json"
    return _read_config(path) if path.is_file() else None


def _read_config(path: Path) -> dict[str, Any]:
    try:
        config = parse_json(read_text(path))
    except (OSError, ValueError) as error:
        reason = why_unreadable(error)
        raise ArgumentError(f"models: {path} cannot be read as a configuration: {reason}.", "models") from error
    if not isinstance(config, dict) or not isinstance(config.get("model_type"), str):
        raise ArgumentError(f"models: {path} is not the configuration of a model: it has no model_type.")
    return config


def _in_cache(name: str) -> dict[str, Any] | None:
    hub = _hub_library()
    if hub is None:
        return None
    try:
        path = hub.try_to_load_from_cache(name, "config.json")
    except ValueError:  # not a valid name of a checkpoint
        return None
    return _read_config(Path(path)) if isinstance(path, str) else None


def _on_hub(name: str) -> dict[str, Any] | None:
    hub = _hub_library()
    if hub is None or hub.constants.HF_HUB_OFFLINE or not _answers(hub.constants.ENDPOINT):
        return None
    try:
        return _read_config(Path(hub.hf_hub_download(name, "config.json", etag_timeout=HUB_TIMEOUT_S)))
    except (OSError, ValueError):  # not found, not allowed, or not a valid name
        return None


def _fetch_code(name: str) -> None:
    """Fetch the code of a model on the hub into the cache: the worker does not use the network."""
    try:
        _hub_library().snapshot_download(name, allow_patterns=["*.py", "config.json"], etag_timeout=HUB_TIMEOUT_S)
    except (OSError, ValueError):
        pass  # the worker will report which file is missing


def fetch_weights(name: str) -> None:
    """Fetch the weights of a model into the cache, if they are not there and the hub answers; the worker is offline."""
    hub = _hub_library()
    if hub is None or hub.constants.HF_HUB_OFFLINE or _has_weights(hub, name) or not _answers(hub.constants.ENDPOINT):
        return
    for pattern, files in WEIGHT_FILES.items():  # a checkpoint may have more files, for other libraries
        try:
            wanted = ["config.json", pattern, *files]
            hub.snapshot_download(name, allow_patterns=wanted, etag_timeout=HUB_TIMEOUT_S)
        except (OSError, ValueError):
            return  # the row will say what is missing
        if _has_weights(hub, name):
            return


def _has_weights(hub: Any, name: str) -> bool:
    try:
        return any(
            isinstance(hub.try_to_load_from_cache(name, file), str) for files in WEIGHT_FILES.values() for file in files
        )
    except ValueError:  # not a valid name of a checkpoint
        return False


def _hub_library() -> Any:
    """Return huggingface_hub, which comes with Transformers, or None if neither is installed."""
    try:
        import huggingface_hub
    except ImportError:
        return None
    return huggingface_hub


def _answers(endpoint: str) -> bool:
    """Return whether a server, or the proxy in front of it, accepts a connection within the timeout.

    The hub's own client retries a failing request for half a minute.  Address lookup has no timeout of its own, hence
    the thread.
    """
    scheme = urlsplit(endpoint).scheme
    url = urlsplit(urllib.request.getproxies().get(scheme, endpoint))
    port = url.port or {"http": 80, "https": 443}.get(url.scheme, 443)
    answered = threading.Event()

    def connect() -> None:
        with contextlib.suppress(OSError):
            socket.create_connection((url.hostname, port), timeout=HUB_TIMEOUT_S).close()
            answered.set()

    thread = threading.Thread(target=connect, daemon=True)
    thread.start()
    thread.join(HUB_TIMEOUT_S)
    return answered.is_set()


def _given(name: str, config: Any) -> ModelSpec:
    """Return what `configs` gives for a model: a configuration, or a function that returns the model."""
    if is_factory(config):
        check_factory(name, config)
        return ModelSpec(name=name, config={}, source="factory")
    return spec_of(name, config)
