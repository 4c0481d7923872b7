"""How a measurement is taken: the arguments that sweeps of models and single functions share."""

from __future__ import annotations

import dataclasses
import inspect
from dataclasses import dataclass
from typing import Any

from hfbench_nb.arguments import checks
from hfbench_nb.arguments.fields import option
from hfbench_nb.arguments.foreign_names import no_such_argument
from hfbench_nb.arguments.frameworks import framework_named, frameworks_with_models
from hfbench_nb.protocol.errors import ArgumentError, wrong_value
from hfbench_nb.protocol.request import DEFAULT_TIMEOUT_S, Method

MEASURE = "Measure"
"""The group of what is measured: tick boxes side by side."""
DURATION = "How long to measure"


def profile_option() -> Any:
    """Make the field that asks where the time goes, for a framework with a profiler."""
    return option(
        Method.profile,
        "Show where the time goes, by operators and by parts of the model, in a pass of its own.",
        group=MEASURE,
    )


@dataclass(kw_only=True)
class MeasurementArguments:
    """What is measured of each case, and for how long.

    Raises
    ------
    ArgumentError
        If a value cannot be used; the message names the parameter, the value and what is allowed.
    """

    speed: bool = option(Method.speed, "Measure time.", group=MEASURE)
    memory: bool = option(Method.memory, "Measure memory.", group=MEASURE)
    precision: float = option(
        Method.precision,
        "Stop timing a case once the 95 % confidence interval of the median is within this share of it.",
        group=DURATION,
    )
    max_seconds: float = option(
        Method.max_seconds, "Stop timing a case after this many seconds, precise or not.", group=DURATION
    )
    timeout_s: float = option(
        DEFAULT_TIMEOUT_S,
        "Stop measuring a case after this many seconds, including building and memory.",
        measured=False,
        group=DURATION,
    )

    def __post_init__(self) -> None:
        self.check()

    def __setattr__(self, name: str, value: Any) -> None:
        """Set an argument; refuse a name that the class does not have, which nothing would read."""
        kind = type(self)
        if not name.startswith("_") and not hasattr(kind, name) and not _is_declared(kind, name):
            raise no_such_argument(kind, name, value)
        super().__setattr__(name, value)

    def check(self) -> None:
        """Check every value again, for an object whose attributes were changed after its creation.

        Raises
        ------
        ArgumentError
            If a value cannot be used.
        """
        for name, kind in self._types().items():
            if kind in (bool, "bool"):
                checks.boolean(name, getattr(self, name))
        if not (self.speed or self.memory):
            raise ArgumentError(
                "speed=False, memory=False leave nothing to measure: one of the two must be True.", "speed", "memory"
            )
        checks.number("precision", self.precision, above=0.0, below=1.0)
        checks.number("max_seconds", self.max_seconds, above=0.0, below=checks.LONGEST_S)
        checks.number("timeout_s", self.timeout_s, above=0.0, below=checks.LONGEST_S)

    @classmethod
    def _types(cls) -> dict[str, Any]:
        return {found.name: found.type for found in dataclasses.fields(cls)}

    def to_dict(self) -> dict[str, Any]:
        """Return the arguments as plain JSON data."""
        return dataclasses.asdict(self)

    def method(self) -> Method:
        """Return how each case is measured."""
        names = {found.name for found in dataclasses.fields(Method)}
        return Method(**{name: value for name, value in self.to_dict().items() if name in names})


def _is_declared(kind: type, name: str) -> bool:
    """Return whether a class, or one that it is derived from, declares an attribute without a value."""
    return any(name in inspect.get_annotations(each) for each in kind.__mro__)


@dataclass(kw_only=True)
class FunctionArguments(MeasurementArguments):
    """How a function is measured."""

    name: str = option("function", "Name in the results.")
    framework: str | None = option(
        None,
        f"{' or '.join(each.command for each in frameworks_with_models())}: imported beforehand, so that it counts as "
        "baseline.",
        measured=False,
    )
    profile: bool = profile_option()

    def check(self) -> None:  # noqa: D102 - inherited
        super().check()
        if not isinstance(self.name, str) or not self.name.strip():
            raise wrong_value("name", self.name, "a name or None")
        able = [each.name for each in frameworks_with_models() if hasattr(each.arguments_class, "profile")]
        if self.profile and not (self.framework and framework_named(self.framework).name in able):
            raise ArgumentError(
                f"profile=True and framework={self.framework!r} cannot be used together: framework must be "
                f"{' or '.join(map(repr, able))} for that.",
                "profile",
                "framework",
            )
