"""Which class a model is built as: the same for every framework."""

from __future__ import annotations

import base64
import copy
import importlib
import pickle
from typing import Any

import transformers

from hfbench_nb.protocol.model_kinds import CLASS_MAPPINGS
from hfbench_nb.protocol.records import ModelSpec

# Where a framework's mappings are, and what their names and those of its classes begin with.
_FRAMEWORKS = {"PyTorch": ("modeling_auto", "", ""), "TensorFlow": ("modeling_tf_auto", "TF_", "TF")}


def import_code(family: str, framework: str) -> None:
    """Import the code of a model type for a framework, if there is one of that name."""
    name = transformers.models.auto.configuration_auto.model_type_to_module_name(family)
    kind = "modeling_tf" if framework == "TensorFlow" else "modeling"
    try:
        importlib.import_module(f"transformers.models.{name}.{kind}_{name}")
    except ImportError:
        pass  # building the model will say what is wrong, with the name of the model


def find_class(spec: ModelSpec, task: str, framework: str, *, only_pretrain_model: bool) -> tuple[Any, Any]:
    """Give the configuration and the class that is built from it.

    Parameters
    ----------
    spec, task
        The model and what is done with it.
    framework
        ``PyTorch`` or ``TensorFlow``.
    only_pretrain_model
        Whether to pass over the architecture that the configuration names.

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
        # A copy: configurations of several parts take the dictionary apart.
        config = transformers.AutoConfig.for_model(**copy.deepcopy(spec.config))
    own = registered.get(task) or registered.get("inference")
    architectures = getattr(config, "architectures", None) or []
    if architectures and not only_pretrain_model:
        name = f"{_FRAMEWORKS[framework][2]}{architectures[0]}"
        named = getattr(transformers, name, None)
        if named is not None:
            return config, named
        if own is None:
            raise ValueError(
                f"Transformers {transformers.__version__} has no class {name}, which the configuration names; "
                "only_pretrain_model=True measures the pretrained model instead"
            )
    return config, own or class_for(config, task, framework)


def class_for(config: Any, task: str, framework: str) -> Any:
    """Look a class up by the configuration's class, or by one that it is derived from.

    Raises
    ------
    ValueError
        If there is none.
    """
    module, prefix, _ = _FRAMEWORKS[framework]
    auto = importlib.import_module(f"transformers.models.auto.{module}")
    names = [f"{prefix}{name}" for name in (*CLASS_MAPPINGS[task], *CLASS_MAPPINGS["inference"])]
    for config_class in type(config).__mro__:
        for mapping in (getattr(auto, name) for name in names if hasattr(auto, name)):
            if config_class in mapping:
                found = mapping[config_class]
                return found[0] if isinstance(found, tuple) else found
    raise ValueError(f"Transformers {transformers.__version__} has no {framework} model for {type(config).__name__}")
