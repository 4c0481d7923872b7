"""Choosing the class that a model is built as, for every framework."""

from __future__ import annotations

import base64
import copy
import importlib
import pickle
from collections.abc import Iterator
from typing import Any

import transformers

from hfbench_nb.protocol.model_kinds import BASE, CLASS_MAPPINGS, GENERATIVE
from hfbench_nb.protocol.request import ModelSpec
from hfbench_nb.worker.backends import folders_once  # noqa: F401 - before what imports a model

# The module with a framework's mappings, and the prefixes of their names and of its classes' names.
_FRAMEWORKS = {"PyTorch": ("modeling_auto", "", ""), "TensorFlow": ("modeling_tf_auto", "TF_", "TF")}


def import_code(family: str, framework: str) -> None:
    """Import a framework's code for a model type, or for the module of a configuration, if there is any."""
    kind = "modeling_tf" if framework == "TensorFlow" else "modeling"
    try:
        module = transformers.CONFIG_MAPPING[family].__module__ if family in transformers.CONFIG_MAPPING else family
        package, _, name = module.rpartition(".")
        if package.startswith("transformers."):  # not whatever a file calls its model type
            importlib.import_module(f"{package}.{name.replace('configuration', kind, 1)}")
    except ImportError:
        pass  # building the model will raise an error that names the model


def find_class(spec: ModelSpec, kind: str, framework: str, *, only_pretrain_model: bool) -> tuple[Any, Any]:
    """Return the configuration and the class to build from it.

    Parameters
    ----------
    spec, kind
        The model and the kind of its class, a key of `CLASS_MAPPINGS`.
    framework
        ``PyTorch`` or ``TensorFlow``.
    only_pretrain_model
        Whether to ignore the architecture that the configuration names.

    Returns
    -------
    config
        A ``transformers.PretrainedConfig``.
    model_class
        The class, called with the configuration.

    Raises
    ------
    ValueError
        If the installed version of Transformers has no such class.
    """
    config, registered = make_config(spec)
    own = registered.get(kind) or registered.get(BASE)
    architectures = getattr(config, "architectures", None) or []
    if architectures and not only_pretrain_model:
        name = f"{_FRAMEWORKS[framework][2]}{architectures[0]}"
        named = getattr(transformers, name, None)
        if named is not None:
            return config, named if _suits(named, kind) else _suitable(config, kind, framework) or named
        if own is None:
            class_for(config, kind, framework)  # raises where there is nothing to advise
            raise ValueError(
                f"Transformers {transformers.__version__} has no class {name}, which the configuration names; "
                "only_pretrain_model=True measures the pretrained model instead"
            )
    return config, own or class_for(config, kind, framework)


def _suits(model_class: Any, kind: str) -> bool:
    """Return whether a class can do what models of a kind are for."""
    return kind != GENERATIVE or (hasattr(model_class, "can_generate") and bool(model_class.can_generate()))


def _suitable(config: Any, kind: str, framework: str) -> Any:
    """Return the class of a kind for a configuration that names another one; None if none can do what is asked."""
    found = class_for(config, kind, framework)
    return found if _suits(found, kind) else None


def make_config(spec: ModelSpec) -> tuple[Any, dict[str, Any]]:
    """Return a model's configuration, and the classes by kind that its notebook has registered for it.

    Raises
    ------
    ValueError
        If the installed version of Transformers does not know the model type, or cannot read the configuration.
    """
    if spec.pickled is not None:
        made_with = spec.config.get("transformers_version")
        if spec.config_class and made_with != transformers.__version__:
            raise ValueError(
                f"this {spec.config_class.partition(':')[2]} of Transformers {made_with} holds what its constructor "
                f"does not take, so that Transformers {transformers.__version__} cannot make the same here: measure "
                "it with the same version, or give a folder with its config.json as a model"
            )
        config, registered = pickle.loads(base64.b64decode(spec.pickled))  # from this user's own notebook, by a pipe
        return config, registered
    settings = copy.deepcopy(spec.config)  # configurations with several parts modify the dictionary
    given_as = _find_config_class(spec.config_class)
    if given_as is None:
        if spec.family not in transformers.CONFIG_MAPPING:
            raise ValueError(
                f"Transformers {transformers.__version__} has no models of type {spec.family!r}: another version may, "
                "which python= or overlay= can name"
            )
        return transformers.AutoConfig.for_model(**settings), {}
    del settings["model_type"]
    return given_as(**settings), {}


def _find_config_class(path: str) -> Any:
    """Return a class of Transformers by ``module:name``; None if this version has none of that name there."""
    module, _, name = path.partition(":")
    try:
        return getattr(importlib.import_module(module), name, None) if path else None
    except ImportError:
        return None


def class_for(config: Any, kind: str, framework: str) -> Any:
    """Return the model class for a configuration's class, or by one that it is derived from.

    Raises
    ------
    ValueError
        If there is no such class.
    """
    module, prefix, _ = _FRAMEWORKS[framework]
    auto = importlib.import_module(f"transformers.models.auto.{module}")
    names = [f"{prefix}{name}" for name in (*CLASS_MAPPINGS[kind], *CLASS_MAPPINGS[BASE])]
    # What has none of these, such as an encoder-decoder, may have a class of another kind: better than nothing.
    names += [name for name in vars(auto) if name.startswith(f"{prefix}MODEL_") and name.endswith("_MAPPING")]
    found = list(_mapped_classes(type(config), [getattr(auto, name) for name in names if hasattr(auto, name)]))
    # Some mappings name, for a model of several parts, the class of a part, which takes that part's configuration.
    fitting = [model_class for model_class in found if _takes(model_class, config)]
    if found:
        return (fitting or found)[0]
    unmapped = _unmapped_class(type(config), framework)
    if unmapped is not None:
        return unmapped
    raise ValueError(f"Transformers {transformers.__version__} has no {framework} model for {type(config).__name__}")


def _mapped_classes(config_class: type, mappings: list[Any]) -> Iterator[Any]:
    """Yield the model classes that mappings name for a configuration's class, or for those that it is derived from."""
    for base in config_class.__mro__:
        for mapping in mappings:
            if base in mapping:
                found = mapping[base]
                yield found[0] if isinstance(found, tuple) else found


def _takes(model_class: Any, config: Any) -> bool:
    """Return whether a model class is built from a configuration of this class."""
    wanted = getattr(model_class, "config_class", None)
    return not isinstance(wanted, type) or isinstance(config, wanted)


def _unmapped_class(config_class: type, framework: str) -> Any:
    """Return the class that the model type's own module defines for a configuration's class and no mapping names.

    The bare model, if there is one; otherwise the first class with a forward pass.
    """
    if not config_class.__module__.startswith("transformers.models."):
        return None
    package, _, file = config_class.__module__.rpartition(".")
    kind = "modeling_tf_" if framework == "TensorFlow" else "modeling_"
    try:
        module = importlib.import_module(f"{package}.{file.replace('configuration_', kind)}")
    except ImportError:
        return None
    bare = f"{_FRAMEWORKS[framework][2]}{config_class.__name__.removesuffix('Config')}Model"
    defined = [found for found in vars(module).values() if getattr(found, "__module__", "") == module.__name__]
    own = [
        found
        for found in (*defined, getattr(transformers, bare, None))  # the bare one may have a module of its own
        if isinstance(found, type)
        and getattr(found, "config_class", None) is config_class
        and not found.__name__.endswith("PreTrainedModel")
    ]
    return next((found for found in own if found.__name__ == bare), own[0] if own else None)


def dense_note(config: Any) -> str:
    """Return a note where a configuration describes quantized weights, since dense ones are built; else nothing."""
    quantization = getattr(config, "quantization_config", None)
    if not quantization:
        return ""
    settings = quantization if isinstance(quantization, dict) else vars(quantization)
    method = settings.get("quant_method") or next((n for n in settings if n.startswith("load_in_")), "of its own")
    return f"dense weights: the configuration's quantization ({getattr(method, 'value', method)}) is not applied"
