"""What a worker is asked to do."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field
from typing import Any

from hfbench_nb.protocol.case import Case, Settings
from hfbench_nb.protocol.tasks import TASKS

DEFAULT_TIMEOUT_S = 3600.0


@dataclass(frozen=True)
class ModelSpec:
    """A model by its configuration.

    Attributes
    ----------
    name
        The name that the user gave it.
    config
        The configuration as the dictionary of a ``config.json``.
    source
        Where the configuration came from: ``configs argument``, ``directory``, ``cache``, ``catalogue`` or ``hub``.
    pickled
        Base64 of a cloudpickle of ``(configuration, {kind of model: class})`` for a configuration that `config` does
        not describe completely; None otherwise.
    folder
        Absolute path of the directory that the configuration came from, or None.
    checkpoint
        The name without the overrides that it may carry; empty where the configuration was given.
    overrides
        The settings of `config` that its overrides changed.
    config_class
        Class of Transformers that the configuration was given as, ``module:name``; empty where its model type decides.
    """

    name: str
    config: dict[str, Any]
    source: str
    pickled: str | None = None
    folder: str | None = None
    checkpoint: str = ""
    overrides: dict[str, Any] = field(default_factory=dict)
    config_class: str = ""

    @property
    def family(self) -> str:
        """The module of the configuration's class or the model type, which decides which code is needed."""
        if self.config_class or self.pickled is not None:
            return self.config_class.partition(":")[0]
        return str(self.config.get("model_type", ""))


@dataclass(frozen=True)
class PickledFunction:
    """A user's function, pickled for a worker.

    Attributes
    ----------
    pickled
        Base64 of a cloudpickle of ``(function, setup or None)``.
    folder
        The notebook's working directory.
    """

    pickled: str
    folder: str


@dataclass(frozen=True)
class Method:
    """How every case of a run is measured; the arguments of the same names explain each field."""

    speed: bool = True
    memory: bool = True
    seed: int = 0
    repeat: int = 3
    precision: float = 0.02
    max_seconds: float = 1.5
    only_pretrain_model: bool = False
    trust_remote_code: bool = False
    trace_memory_line_by_line: bool = False
    use_accelerator: bool = True
    device_idx: int = 0
    use_tpu: bool = False
    tpu_name: str | None = None
    torch_xla_tpu_print_metrics: bool = False


@dataclass(frozen=True)
class Request:
    """One case to measure.

    Attributes
    ----------
    case
        The case.
    method
        How to measure.
    subject
        What is measured: a model or a function.
    timeout_s
        When to give up, seconds.
    """

    case: Case
    method: Method
    subject: ModelSpec | PickledFunction
    timeout_s: float = DEFAULT_TIMEOUT_S

    def to_message(self) -> dict[str, Any]:
        """Return the request as the JSON data that a worker server reads."""
        is_model = isinstance(self.subject, ModelSpec)
        return {
            "do": "measure",
            "family": self.subject.family if isinstance(self.subject, ModelSpec) else None,
            "workload": TASKS[self.case.task].workload,
            "case": self.case.to_dict(),
            "method": dataclasses.asdict(self.method),
            "model" if is_model else "function": dataclasses.asdict(self.subject),
        }


def environment_message(settings: Settings, method: Method) -> dict[str, Any]:
    """Return the JSON data that asks a worker for its environment."""
    return {"do": "environment", "settings": dict(settings), "method": dataclasses.asdict(method)}
