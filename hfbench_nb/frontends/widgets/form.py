"""The form: every field of the argument dataclasses, and the arguments that they make."""

from __future__ import annotations

import contextlib
import dataclasses
import html
import re
import threading
import typing
from collections.abc import Callable, Iterator

import ipywidgets as widgets

from hfbench_nb.arguments.benchmark import BenchmarkArguments, PyTorchBenchmarkArguments, TensorFlowBenchmarkArguments
from hfbench_nb.frontends.widgets.fields import Field
from hfbench_nb.frontends.widgets.model_list import ModelList
from hfbench_nb.frontends.widgets.style import LABEL_WIDTH
from hfbench_nb.protocol.errors import ArgumentError

FRAMEWORKS: dict[str, type[BenchmarkArguments]] = {
    "PyTorch": PyTorchBenchmarkArguments,
    "TensorFlow": TensorFlowBenchmarkArguments,
}
SIZES = ("batch_sizes", "sequence_lengths")
# What is measured: tick boxes side by side.
CHOICES = ("inference", "training", "speed", "memory")
MAIN = (*SIZES, *CHOICES)
# The advanced part by subject. Fields that are named nowhere stand under "More", those of one framework under its name.
GROUPS: dict[str, tuple[str, ...]] = {
    "Device and precision": ("device", "cuda", "tpu", "dtype", "fp16", "threads"),
    "How long to measure": ("repeat", "precision", "max_seconds", "timeout_s"),
    "Models and inputs": ("only_pretrain_model", "trust_remote_code", "seed"),
    "Where to measure": ("multi_process", "python", "overlay"),
    "Reports": ("verbose", "trace_memory_line_by_line", "env_print", "log_print", "log_filename"),
    "CSV files": ("save_to_csv", *BenchmarkArguments.csv_file_fields()),
}
MORE = "More"


class Form:
    """Controls for the arguments of a run.

    Parameters
    ----------
    start
        What `reset` shows; call it to begin with.
    models
        The models that `reset` shows.
    lock
        Held while widgets are changed.
    on_change
        Called when anything has changed, after `args` is up to date.

    Attributes
    ----------
    args
        The arguments that the form describes, or None while something is wrong or no model is named.
    """

    def __init__(
        self, start: BenchmarkArguments, models: list[str], lock: threading.RLock, on_change: Callable[[], None]
    ) -> None:
        self.args: BenchmarkArguments | None = None
        self._start, self._start_models = start, models
        self._lock = lock
        self._on_change = on_change
        self._quiet = True
        self.framework = widgets.Dropdown(
            options=list(FRAMEWORKS),
            description="Framework",
            style={"description_width": LABEL_WIDTH},
            layout={"width": f"calc({LABEL_WIDTH} + 180px)"},
        )
        self.framework.add_class("hfbench-framework")
        self.models = ModelList(lock, self.check)
        self.fields = self._make_fields()
        self._groups = self._make_groups()
        self.advanced = widgets.Accordion([widgets.VBox(list(self._groups.values()))], selected_index=None)
        self.advanced.set_title(0, "Advanced")
        self.advanced.add_class("hfbench-advanced")
        self.box = widgets.VBox([self.framework, self.models.box, *self._make_main(), self.advanced])
        for control in (self.framework, *(field.control for field in self.fields.values())):
            control.observe(self.check, "value")

    @staticmethod
    def _make_fields() -> dict[str, Field]:
        made: dict[str, Field] = {}
        for kind in FRAMEWORKS.values():
            hints = typing.get_type_hints(kind)
            for found in dataclasses.fields(kind):
                if found.name not in ("models", *made):
                    made[found.name] = Field(found, hints[found.name], with_help=found.name not in MAIN)
        return made

    def _make_main(self) -> list[widgets.Widget]:
        sizes = [widget for name in SIZES for widget in (self.fields[name].box, self.fields[name].message)]
        label = widgets.Label(
            "Measure", layout={"width": LABEL_WIDTH, "justify_content": "flex-end", "margin": "2px 8px 2px 2px"}
        )
        ticks = widgets.HBox([label, *(self.fields[name].box for name in CHOICES)], layout={"flex_flow": "row wrap"})
        ticks.add_class("hfbench-measure")
        return [*sizes, ticks, *(self.fields[name].message for name in CHOICES)]

    def _make_groups(self) -> dict[str, widgets.VBox]:
        shared = {found.name for found in dataclasses.fields(BenchmarkArguments)}
        placed = {*MAIN, *(name for names in GROUPS.values() for name in names)}
        grouped = {title: [self.fields[name] for name in names] for title, names in GROUPS.items()}
        grouped[MORE] = [field for name, field in self.fields.items() if name in shared - placed]
        for title, kind in FRAMEWORKS.items():
            own = [found.name for found in dataclasses.fields(kind)]
            grouped[title] = [self.fields[name] for name in own if name not in shared]
        groups = {
            title: widgets.VBox([widgets.HTML(f"<h4>{html.escape(title)}</h4>"), *(field.box for field in fields)])
            for title, fields in grouped.items()
            if fields
        }
        for group in groups.values():
            group.add_class("hfbench-group")
        return groups

    @property
    def _kind(self) -> type[BenchmarkArguments]:
        return FRAMEWORKS[self.framework.value]

    def reset(self) -> None:
        """Show what the form starts with."""
        with self._at_once():
            self.framework.value = next(name for name, kind in FRAMEWORKS.items() if type(self._start) is kind)
            defaults = {name: kind(models=["any"]) for name, kind in FRAMEWORKS.items()}
            for name, field in self.fields.items():
                source = next(args for args in (self._start, *defaults.values()) if hasattr(args, name))
                field.value = getattr(source, name)
            self.models.value = self._start_models

    @contextlib.contextmanager
    def _at_once(self) -> Iterator[None]:
        """Change several controls and check once."""
        with self._lock:
            self._quiet = True
            yield
            self._quiet = False
            self.check()

    def check(self, change: object = None) -> None:
        """Make the arguments; say at each field what is wrong with it."""
        with self._lock:
            if self._quiet:
                return
            for title in FRAMEWORKS:
                if title in self._groups:
                    self._groups[title].layout.display = "" if title == self.framework.value else "none"
            problems = self._make_args()
            self._tell(problems)
            self._on_change()

    def _tell(self, problems: dict[str, str]) -> None:
        """Mark what is wrong; where two fields contradict each other, say it once."""
        self.models.tell(problems.get("models", ""))
        said: set[str] = set()
        for name, field in self.fields.items():
            problem = problems.get(name, "")
            field.tell("" if problem in said else problem)
            field.mark(wrong=bool(problem))
            said.add(problem)
        if problems.keys() & self.fields.keys() - {*MAIN}:
            self.advanced.selected_index = 0  # nothing that is wrong is folded away

    def _make_args(self) -> dict[str, str]:
        """Set `args`; give what is wrong by the names of fields."""
        self.args = None
        names = [found.name for found in dataclasses.fields(self._kind) if found.name != "models"]
        values, problems = {}, {}
        for name in names:
            try:
                values[name] = self.fields[name].value
            except ArgumentError as error:
                problems[name] = str(error)
        if problems:
            return problems
        models = self.models.value
        try:
            args = self._kind(models=models or ["any"], **values)
        except ArgumentError as error:
            named = re.findall(r"(\w+)=", str(error))
            return {name: str(error) for name in named if name in ("models", *names)} or {"models": str(error)}
        if models and self.models.is_known:
            self.args = args
        return {}

    @property
    def hint(self) -> str:
        """Why there are no arguments yet, in a few words; empty where there are."""
        if self.args is not None:
            return ""
        if not self.models.value:
            return "Name a model, then run."
        return "Mend what is marked above, then run." if self.models.is_settled else "Looking for the model ..."
