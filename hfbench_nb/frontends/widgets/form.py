"""The form: a control for every field of the argument dataclasses, and the arguments made from their values."""

from __future__ import annotations

import contextlib
import dataclasses
import threading
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import ipywidgets as widgets

from hfbench_nb.arguments.benchmark import SIZES, BenchmarkArguments
from hfbench_nb.arguments.fields import MORE, default_of, differing, value_types
from hfbench_nb.arguments.frameworks import frameworks_with_models
from hfbench_nb.arguments.measurement import MEASURE
from hfbench_nb.facade.benchmark_results import BenchmarkResults
from hfbench_nb.frontends.run_options import RunOptions
from hfbench_nb.frontends.widgets.fields import Field, FieldGroup, values_of
from hfbench_nb.frontends.widgets.model_list import ModelList
from hfbench_nb.frontends.widgets.panel_parts import Fold
from hfbench_nb.frontends.widgets.style import LABEL_WIDTH
from hfbench_nb.protocol.errors import ArgumentError


class Form:
    """Controls for the arguments of a run, and for where it is stored.

    Parameters
    ----------
    framework
        The framework that `reset` shows.
    values
        Values of fields, by name, that `reset` shows; the others have their defaults.
    lock
        Held while widgets are changed.
    on_change
        Called after any change, when `args` is up to date.

    Attributes
    ----------
    args
        The arguments that the form describes, or None while something is wrong or no model is named.
    run_options
        Where the run is measured and stored.
    """

    def __init__(
        self, framework: str, values: dict[str, Any], lock: threading.RLock, on_change: Callable[[], None]
    ) -> None:
        self.args: BenchmarkArguments | None = None
        self.run_options = RunOptions()
        self._kinds = {each.name: each.arguments_class for each in frameworks_with_models()}
        self._start_framework, self._start = framework, values
        self._lock = lock
        self._on_change = on_change
        self._quiet = True
        self.framework = widgets.Dropdown(
            options=list(self._kinds),
            description="Framework",
            style={"description_width": LABEL_WIDTH},
            layout={"width": f"calc({LABEL_WIDTH} + 180px)"},
        )
        self.framework.add_class("hfbench-framework")
        self.models = ModelList(lock, self.check)
        self.fields = self._make_fields()
        self._groups = self._make_groups()
        self.advanced = Fold("Advanced", self._groups)
        self.advanced.add_class("hfbench-advanced")
        self.box = widgets.VBox([self.framework, self.models.box, *self._make_main(), self.advanced])
        for control in (self.framework, *(field.control for field in self.fields.values())):
            control.observe(self.check, "value")

    def _make_fields(self) -> dict[str, Field]:
        made: dict[str, Field] = {}
        for kind in (*self._kinds.values(), RunOptions):
            types = value_types(kind)
            for found in dataclasses.fields(kind):
                if found.name not in ("models", *made):
                    is_main = found.metadata["group"] in (SIZES, MEASURE)
                    made[found.name] = Field(found, types[found.name], with_help=not is_main)
        return made

    def _of_group(self, *groups: str) -> list[Field]:
        return [field for field in self.fields.values() if field.group in groups]

    def _make_main(self) -> list[widgets.Widget]:
        sizes = [widget for field in self._of_group(SIZES) for widget in (field.box, field.message)]
        label = widgets.Label(
            "Measure", layout={"width": LABEL_WIDTH, "justify_content": "flex-end", "margin": "2px 8px 2px 2px"}
        )
        choices = sorted(self._of_group(MEASURE), key=lambda field: not field.found.metadata["task"])  # tasks first
        ticks = widgets.HBox([label, *(field.box for field in choices)], layout={"flex_flow": "row wrap"})
        ticks.add_class("hfbench-measure")
        return [*sizes, ticks, *(field.message for field in choices)]

    def _make_groups(self) -> list[FieldGroup]:
        """Make the advanced part: a group per subject, then arguments without one, then those of one framework only."""
        shared = {found.name for kind in (BenchmarkArguments, RunOptions) for found in dataclasses.fields(kind)}
        advanced = [field for field in self.fields.values() if field.group not in (SIZES, MEASURE)]
        grouped: dict[str, list[Field]] = {}
        for field in advanced:
            if field.name in shared and field.group != MORE:
                grouped.setdefault(field.group, []).append(field)
        grouped[MORE] = [field for field in advanced if field.name in shared and field.group == MORE]
        for title, kind in self._kinds.items():
            own = [found.name for found in dataclasses.fields(kind) if found.name not in shared]
            grouped[title] = [field for field in advanced if field.name in own]
        return [FieldGroup(title, fields) for title, fields in grouped.items() if fields]

    @property
    def _kind(self) -> type[BenchmarkArguments]:
        return self._kinds[self.framework.value]

    def reset(self) -> None:
        """Show the initial values."""
        self.show(self._start_framework, self._start)

    def show(self, framework: str, values: Mapping[str, Any]) -> None:
        """Show the values of fields, by name; the others have their defaults."""
        with self._at_once():
            self.framework.value = framework
            for name, field in self.fields.items():
                field.value = values.get(name, default_of(field.found))
            self.models.value = values.get("models", [])

    def show_run(self, results: BenchmarkResults) -> None:
        """Show the arguments of stored results, as far as the form has them; files get names of their own."""
        frameworks = {case.framework for case, _ in results.entries}
        framework = next((name for name in self._kinds if name in frameworks), self.framework.value)
        known = {f.name for f in dataclasses.fields(self._kinds[framework]) if "timestamped" not in f.metadata}
        self.show(framework, {name: value for name, value in results.arguments.items() if name in known})

    @property
    def described(self) -> dict[str, Any]:
        """What the form describes, to tell whether it was edited: two runs of the same have the same."""
        return {} if self.args is None else {**differing(self.args), **differing(self.run_options)}

    @contextlib.contextmanager
    def _at_once(self) -> Iterator[None]:
        """Change several controls, then check once."""
        with self._lock:
            self._quiet = True
            yield
            self._quiet = False
            self.check()

    def check(self, change: object = None) -> None:
        """Make the arguments; show errors at the fields that they concern."""
        with self._lock:
            if self._quiet:
                return
            self._show_what_applies()
            problems = self._make_args()
            self._tell(problems)
            self._on_change()

    @property
    def _applying(self) -> set[str]:
        """The names of the arguments that the framework has, and that concern a task which is chosen."""
        chosen = [task for task, name in self._kind.task_fields().items() if self.fields[name].value]
        fields = [found for kind in (self._kind, RunOptions) for found in dataclasses.fields(kind)]
        return {found.name for found in fields if found.metadata["of_task"] in ("", *chosen)}

    def _show_what_applies(self) -> None:
        applying = self._applying
        for name, field in self.fields.items():
            field.show(is_shown=name in applying)
        for group in self._groups:
            group.refresh()

    def _tell(self, problems: dict[str, str]) -> None:
        """Mark wrong fields; if two fields contradict each other, show the message once."""
        self.models.tell(problems.get("models", ""))
        said: set[str] = set()
        for name, field in self.fields.items():
            problem = problems.get(name, "")
            field.tell("" if problem in said else problem)
            field.mark(wrong=bool(problem))
            said.add(problem)
        if any(name in self.fields and self.fields[name].group not in (SIZES, MEASURE) for name in problems):
            self.advanced.is_open = True  # wrong fields must not be folded

    def _make_args(self) -> dict[str, str]:
        """Set `args` and `run_options`; return the error messages by field name."""
        self.args = None
        values, problems = self._values_of(self._kind)
        run_values, run_problems = self._values_of(RunOptions)
        self.run_options = RunOptions(**run_values)
        values["models"] = self.models.value
        args: BenchmarkArguments | None = None
        while args is None:
            try:
                args = self._kind(**values)
            except ArgumentError as error:
                problems |= dict.fromkeys(error.parameters or ("models",), error.for_forms)
                others = {name: value for name, value in values.items() if name not in error.parameters}
                if len(others) == len(values):  # it is about none of them
                    break
                values = others  # to find what else is wrong
        if not problems and not run_problems and self.models.value and self.models.is_known:
            self.args = args
        return problems | run_problems

    def _values_of(self, kind: type) -> tuple[dict[str, Any], dict[str, str]]:
        """Return the values of the fields of a dataclass that are shown, and messages about what is wrong with them."""
        names = [found.name for found in dataclasses.fields(kind) if found.name in self.fields]
        applying = self._applying
        return values_of(self.fields[name] for name in names if name in applying)

    @property
    def hint(self) -> str:
        """Why there are no arguments yet, in a few words; empty if there are."""
        if self.args is not None:
            return ""
        if not self.models.value:
            return "Name a model, then run."
        return "Correct what is marked above, then run." if self.models.is_settled else "Looking up the model ..."
