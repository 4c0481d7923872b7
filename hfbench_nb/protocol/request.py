"""What a worker is asked to do."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field
from typing import Any

from hfbench_nb.protocol.case import Case, Settings
from hfbench_nb.protocol.tasks import TASKS

DEFAULT_TIMEOUT_S = 3600.0
# Even, so that two cases are measured in either order equally often; and six, since a machine with two speeds shows all
# of five rounds at one of them in 6 % of cases.
TRACES = ("trace_memory_line_by_line", "profile")
"""The fields of a method that ask for passes of their own, which are traced."""

DEFAULT_ROUNDS = 6


@dataclass(frozen=True)
class OwnCode:
    """Functions of the user's for a model, pickled for a worker.

    Attributes
    ----------
    pickled
        Base64 of a cloudpickle of ``(factory, inputs, loss)``, each a function or None.
    folder
        The notebook's working directory.
    has_factory
        Whether a factory builds the model, in place of its configuration.
    fingerprints
        A fingerprint of each function that is not None, by what it is for.
    """

    pickled: str
    folder: str
    has_factory: bool
    fingerprints: dict[str, str]


@dataclass(frozen=True)
class ModelSpec:
    """A model by its configuration, or by a function that builds it.

    Attributes
    ----------
    name
        The name that the user gave it.
    config
        The configuration as the dictionary of a ``config.json``; empty for a model that a factory builds.
    source
        Where the configuration came from: ``configs argument``, ``directory``, ``cache``, ``catalogue`` or ``hub``;
        ``factory`` for a model that the user's own function builds.
    pickled
        Base64 of a cloudpickle of ``(configuration, {kind of model: class})`` for a configuration that `config` does
        not describe completely; None otherwise.
    folder
        Absolute path of the directory that the configuration came from, or None.
    checkpoint
        The name without the overrides that it may carry; empty where the configuration was given.
    overrides
        The settings of `config` that its overrides changed.
    code
        Functions of the user's that build the model, make its inputs, or compute its loss; None if there are none.
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
    code: OwnCode | None = None
    config_class: str = ""

    @classmethod
    def from_message(cls, data: dict[str, Any]) -> ModelSpec:
        """Make a model of the JSON data in a request."""
        return cls(**{**data, "code": None if data.get("code") is None else OwnCode(**data["code"])})

    @property
    def family(self) -> str | None:
        """The module of the configuration's class or the model type: which code is needed; None if a factory knows."""
        if self.code is not None and self.code.has_factory:
            return None
        if self.config_class or self.pickled is not None:
            return self.config_class.partition(":")[0]
        return str(self.config.get("model_type", ""))

    @property
    def identity(self) -> dict[str, Any]:
        """What a run is resumed by: the configuration, and the fingerprints of the user's own functions."""
        return {**self.config, **({} if self.code is None else {"code": self.code.fingerprints})}


@dataclass(frozen=True)
class PickledFunction:
    """A user's function, pickled for a worker.

    Attributes
    ----------
    pickled
        Base64 of a cloudpickle of ``(function, setup or None)``.
    folder
        The notebook's working directory; None if it was deleted.
    """

    pickled: str
    folder: str | None


@dataclass(frozen=True)
class Method:
    """How every case of a run is measured; the arguments of the same names explain each field.

    `round` is the number of the round, from 1; the budget of a case is shared among its `rounds`.  `scratch` is a
    folder of the case's own, which may not exist yet: what a round leaves there is for the later ones, until the run
    ends.  Where it is empty, there is none.
    """

    speed: bool = True
    memory: bool = True
    seed: int = 0
    repeat: int = 3
    precision: float = 0.02
    max_seconds: float = 1.5
    rounds: int = 1
    round: int = 1
    scratch: str = ""
    only_pretrain_model: bool = False
    trust_remote_code: bool = False
    trace_memory_line_by_line: bool = False
    profile: bool = False
    use_accelerator: bool = True
    device_idx: int = 0
    use_tpu: bool = False
    tpu_name: str | None = None
    torch_xla_tpu_print_metrics: bool = False

    def of_round(self, number: int, scratch: str = "") -> Method:
        """Return how a case is measured in a round: what is traced, which does not vary, is so in the first alone."""
        traces: dict[str, Any] = {name: getattr(self, name) and number == 1 for name in TRACES}
        return dataclasses.replace(
            self,
            round=number,
            scratch=scratch,
            **traces,
        )

    def untraced(self) -> Method:
        """Return the same without what is traced in passes of its own."""
        traces: dict[str, Any] = dict.fromkeys(TRACES, False)
        return dataclasses.replace(self, **traces)


@dataclass(frozen=True)
class SharedModel:
    """A model that is built once in a round for several cases.

    Attributes
    ----------
    key
        The same for all of these cases.
    for_all_tasks
        Whether cases of several tasks share it, since the configuration names the class.
    cases
        How many cases of a round share it; fewer may be measured where several machines do, or a run is resumed.
    """

    key: str
    for_all_tasks: bool
    cases: int


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
    build
        Which cases share the model that is built for this one, where the executor can share; None for no other.
    backend
        Module of the backend that does it in place of the framework's own, whose processes it then uses; empty for that
        one.
    """

    case: Case
    method: Method
    subject: ModelSpec | PickledFunction
    timeout_s: float = DEFAULT_TIMEOUT_S
    build: SharedModel | None = None
    backend: str = ""

    def to_message(self) -> dict[str, Any]:
        """Return the request as the JSON data that a worker server reads."""
        is_model = isinstance(self.subject, ModelSpec)
        return {
            "do": "measure",
            "family": self.subject.family if isinstance(self.subject, ModelSpec) else None,
            "workload": TASKS[self.case.task].workload,
            "case": self.case.to_dict(),
            "method": dataclasses.asdict(self.method),
            "build": None if self.build is None else dataclasses.asdict(self.build),
            "backend": self.backend,
            "model" if is_model else "function": dataclasses.asdict(self.subject),
        }


def environment_message(settings: Settings, method: Method, family: str | None = None) -> dict[str, Any]:
    """Return the JSON data that asks a worker for its environment, after importing the code of a model type."""
    message = {"do": "environment", "settings": dict(settings), "method": dataclasses.asdict(method)}
    return message if family is None else {**message, "family": family}


def peaks_message(settings: Settings, method: Method) -> dict[str, Any]:
    """Return the JSON data that asks a worker what its device can do at most."""
    return {"do": "peaks", "settings": dict(settings), "method": dataclasses.asdict(method)}
