"""Which class a model is built as: the same for every framework."""

from __future__ import annotations

import base64
import pickle
from collections.abc import Mapping, Sequence
from typing import Any

import transformers

from hfbench_nb.records import ModelSpec


def find_class(
    spec: ModelSpec, task: str, *, only_pretrain_model: bool, prefix: str, mappings: Mapping[str, Sequence[Any]]
) -> tuple[Any, Any]:
    """Give the configuration and the class that is built from it.

    Parameters
    ----------
    spec, task
        The model and what is done with it.
    only_pretrain_model
        Whether to pass over the architecture that the configuration names.
    prefix
        What the framework's classes have before the name of the architecture: ``""`` or ``"TF"``.
    mappings
        For each task, Transformers' mappings from configuration classes to the framework's classes, in the order in
        which they are looked into.

    Returns
    -------
    config
        A ``transformers.PretrainedConfig``.
    model_class
        A class that is called with it.

    Raises
    ------
    ValueError
        If Transformers, in the version installed here, has no such class.
    """
    registered: dict[str, Any] = {}
    if spec.pickled is not None:
        config, registered = pickle.loads(base64.b64decode(spec.pickled))  # from this user's own notebook, by a pipe
    else:
        config = transformers.AutoConfig.for_model(**spec.config)
    own = registered.get(task) or registered.get("inference")
    architectures = getattr(config, "architectures", None) or []
    if architectures and not only_pretrain_model:
        name = f"{prefix}{architectures[0]}"
        named = getattr(transformers, name, None)
        if named is not None:
            return config, named
        if own is None:
            raise ValueError(
                f"Transformers {transformers.__version__} has no class {name}, which the configuration names; "
                "only_pretrain_model=True measures the pretrained model instead"
            )
    return config, own or _look_up(config, (*mappings[task], *mappings["inference"]), prefix)


def _look_up(config: Any, mappings: Sequence[Any], prefix: str) -> Any:
    """Look a class up by the configuration's class, or by one that it is derived from."""
    for config_class in type(config).__mro__:
        for mapping in mappings:
            if config_class in mapping:
                found = mapping[config_class]
                return found[0] if isinstance(found, tuple) else found
    kind = "TensorFlow model" if prefix else "model"
    raise ValueError(f"Transformers {transformers.__version__} has no {kind} for {type(config).__name__}")
