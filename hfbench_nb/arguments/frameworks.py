"""The registry of frameworks, with their backends and requirements.  Nothing is imported until it is used."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from hfbench_nb.protocol.errors import wrong_value
from hfbench_nb.protocol.registry import Registry, resolve


@dataclass(frozen=True)
class Requirement:
    """A package that a framework's models need.

    Attributes
    ----------
    package
        Name of the distribution.
    alternatives
        Names of distributions that provide the same.
    at_least
        Smallest version that is installed into an overlay; empty for any.
    below_major
        First unsupported major version; None for no limit.
    why
        Message about a version that is too new, with ``{}`` for the version.
    """

    package: str
    alternatives: tuple[str, ...] = ()
    at_least: str = ""
    below_major: int | None = None
    why: str = ""

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the distributions that provide it."""
        return (self.package, *self.alternatives)

    @property
    def specifier(self) -> str:
        """What pip is asked for."""
        limits = [f">={self.at_least}"] if self.at_least else []
        limits += [] if self.below_major is None else [f"<{self.below_major}"]
        return self.package + ",".join(limits)


@dataclass(frozen=True)
class Framework:
    """A framework that workers can measure with.

    Attributes
    ----------
    name
        The name in the column ``framework``.
    backend
        Module that the worker imports; its function ``load`` returns a `hfbench_nb.worker.backends.base.Backend`.
    arguments
        ``module:Class`` of the argument dataclass, or the class; None for a framework that measures only functions.
    variables
        Environment variables of its workers.
    requirements
        Packages that must be installed; checked before a worker is started.
    extra
        The extra of this package that installs them; empty for a framework from outside.
    takes_code
        Whether it measures models that functions of the user's build, with inputs and losses of their own.
    shares_models
        Whether its worker may be forked once a model is built: its runtime is a
        `hfbench_nb.worker.backends.base.SharingRuntime`.
    estimating_backend
        Module like `backend` whose runtime only follows what a case would need; empty if there is none.
    """

    name: str
    backend: str
    arguments: str | type[Any] | None = None
    variables: Mapping[str, str] = field(default_factory=dict)
    requirements: tuple[Requirement, ...] = ()
    extra: str = ""
    takes_code: bool = False
    shares_models: bool = False
    estimating_backend: str = ""

    @property
    def command(self) -> str:
        """The name in the shell and the magics."""
        return self.name.lower()

    @property
    def arguments_class(self) -> type[Any]:
        """The argument dataclass.

        Raises
        ------
        TypeError
            If the framework measures only functions.
        """
        if self.arguments is None:
            raise TypeError(f"{self.name} has no models")
        found: type[Any] = resolve(self.arguments) if isinstance(self.arguments, str) else self.arguments
        return found


# The network must never affect a measurement, and nobody sees the progress bars that a library would draw.
_QUIET = {"HF_HUB_OFFLINE": "1", "HF_HUB_DISABLE_PROGRESS_BARS": "1", "TRANSFORMERS_VERBOSITY": "error"}

FRAMEWORKS: Registry[Framework] = Registry("framework")
# A process must not import another framework: Transformers imports any that it finds.
FRAMEWORKS.register(
    Framework(
        "PyTorch",
        "hfbench_nb.worker.backends.pytorch",
        "hfbench_nb.arguments.pytorch:PyTorchBenchmarkArguments",
        {**_QUIET, "USE_TORCH": "1", "USE_TF": "0", "USE_FLAX": "0"},
        takes_code=True,
        shares_models=True,
        estimating_backend="hfbench_nb.worker.backends.pytorch_estimate",
    )
)
# Transformers' TensorFlow classes are written for Keras 2, which is the package tf_keras.
FRAMEWORKS.register(
    Framework(
        "TensorFlow",
        "hfbench_nb.worker.backends.tensorflow",
        "hfbench_nb.arguments.tensorflow:TensorFlowBenchmarkArguments",
        {**_QUIET, "USE_TORCH": "0", "USE_TF": "1", "USE_FLAX": "0", "TF_USE_LEGACY_KERAS": "1"},
        requirements=(
            Requirement("tensorflow", alternatives=("tensorflow-cpu",)),
            Requirement("tf-keras"),
            Requirement(
                "transformers",
                at_least="4.57",
                below_major=5,
                why="Transformers {} has no TensorFlow models: version 4 was the last with them",
            ),
        ),
        extra="tensorflow",
    )
)
# A user's function gets the same environment variables as in the notebook.
FRAMEWORKS.register(Framework("Python", "hfbench_nb.worker.backends.plain"))


def frameworks_with_models() -> Iterator[Framework]:
    """Return the frameworks that models can be measured with."""
    return (framework for framework in FRAMEWORKS if framework.arguments is not None)


def framework_named(name: object) -> Framework:
    """Return the framework with models of this name, ignoring case.

    Raises
    ------
    ArgumentError
        If there is none.
    """
    for framework in frameworks_with_models():
        if isinstance(name, str) and framework.command == name.lower():
            return framework
    names = " or ".join(repr(framework.name) for framework in frameworks_with_models())
    raise wrong_value("framework", name, f"{names}, or left out")


def framework_of(arguments: object) -> Framework | None:
    """Return the framework whose arguments these are, the most derived class first; None if they are no framework's."""
    found = [f for f in frameworks_with_models() if isinstance(arguments, f.arguments_class)]
    return max(found, key=lambda f: len(f.arguments_class.__mro__), default=None)


def check_arguments(args: object) -> None:
    """Raise unless an object is the arguments of a framework's benchmark.

    Raises
    ------
    ArgumentError
        If it is anything else.
    """
    if framework_of(args) is None:
        kinds = " or ".join(f"a {framework.arguments_class.__name__}" for framework in frameworks_with_models())
        raise wrong_value("args", args, kinds)
