"""The models in the form: one row per model, with type-ahead, overrides and error messages."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence

import ipywidgets as widgets

from hfbench_nb.configurations import catalog
from hfbench_nb.configurations.lookup import find_model
from hfbench_nb.configurations.overrides import join_name, split_name
from hfbench_nb.frontends.widgets.fields import Message
from hfbench_nb.frontends.widgets.style import LABEL_WIDTH
from hfbench_nb.protocol.errors import ArgumentError, ModelNotFoundError

# A name that is still being typed is not a mistake yet, and not to be looked up on the hub.
QUIET_S = 0.8


class ModelRow:
    """The row of one model.

    Parameters
    ----------
    lock
        Held while widgets are changed: the hub is queried in a separate thread.
    on_change
        Called when the name or the problem has changed.
    on_remove
        Called when the row is to be removed.

    Attributes
    ----------
    problem
        Why the model cannot be measured, as far as known; empty if it can.
    is_settled
        Whether the lookup is complete: the hub has answered, or need not be asked.
    """

    def __init__(
        self, lock: threading.RLock, on_change: Callable[[], None], on_remove: Callable[[ModelRow], None]
    ) -> None:
        self.problem = ""
        self.is_settled = True
        self._waiting: threading.Timer | None = None
        self._lock = lock
        self._on_change = on_change
        self._name = widgets.Combobox(
            options=catalog.all_names(),
            ensure_option=False,
            description="Model",
            placeholder="a checkpoint's name or a folder",
            style={"description_width": LABEL_WIDTH},
            layout={"flex": "5 1 16rem", "width": "auto", "min_width": "0"},
        )
        self._overrides = widgets.Text(
            continuous_update=False,
            description="Overrides",
            placeholder="num_hidden_layers=6",
            style={"description_width": "75px"},
            layout={"flex": "3 1 14rem", "width": "auto", "min_width": "0"},
        )
        remove = widgets.Button(icon="times", tooltip="Remove this model", layout={"width": "36px", "flex": "0 0 auto"})
        self._message = Message()
        for widget, name in ((self._name, "model"), (self._overrides, "overrides"), (remove, "remove-model")):
            widget.add_class(f"hfbench-{name}")
        line = widgets.HBox([self._name, self._overrides, remove], layout={"flex_flow": "row wrap"})
        self.box = widgets.VBox([line, self._message])
        self._name.observe(self._check, "value")
        self._overrides.observe(self._check, "value")
        remove.on_click(lambda button: on_remove(self))

    @property
    def text(self) -> str:
        """The model's name with its overrides; empty if there is no name."""
        name = self._name.value.strip()
        return join_name(name, self._overrides.value) if name else ""

    @text.setter
    def text(self, text: str) -> None:
        name, overrides = split_name(text)
        self._overrides.value = overrides
        self._name.value = name

    def _check(self, change: object = None) -> None:
        """Look up the name without the network; if it is not found, schedule a query of the hub."""
        with self._lock:
            if self._waiting is not None:
                self._waiting.cancel()
            text = self.text
            try:
                if text:
                    find_model(text, ask_hub=False)
                self._tell("")
            except ModelNotFoundError as error:
                self._tell(error.for_forms, is_settled=False)
                self._waiting = threading.Timer(QUIET_S, self._ask_hub, (text, error.for_forms))
                self._waiting.daemon = True
                self._waiting.start()
            except ArgumentError as error:
                self._tell(error.for_forms)

    def _ask_hub(self, text: str, problem: str) -> None:
        with self._lock:
            if text == self.text:
                self._message.tell(f"{problem} Asking the hub ...")
        try:
            find_model(text)
            problem = ""
        except ArgumentError as error:
            problem = error.for_forms
        with self._lock:
            if text == self.text:  # otherwise another name was typed in the meantime
                self._tell(problem)

    def _tell(self, problem: str, *, is_settled: bool = True) -> None:
        self.problem, self.is_settled = problem, is_settled
        shown = problem if is_settled else ""
        self._message.tell(shown)
        (self._name.add_class if shown else self._name.remove_class)("hfbench-wrong")
        self._on_change()


class ModelList:
    """The models of a run.

    Parameters
    ----------
    lock
        Held while widgets are changed.
    on_change
        Called when a model, or the state of its lookup, has changed.
    """

    def __init__(self, lock: threading.RLock, on_change: Callable[[], None]) -> None:
        self._lock = lock
        self._on_change = on_change
        self._rows: list[ModelRow] = []
        self._row_box = widgets.VBox()
        self._message = Message()
        add = widgets.Button(
            description="Add a model",
            icon="plus",
            layout={"width": "130px", "margin": f"2px 2px 2px calc({LABEL_WIDTH} + 10px)"},
        )
        add.add_class("hfbench-add-model")
        add.on_click(lambda button: self._add())
        self.box = widgets.VBox([self._row_box, self._message, add])
        self._add()

    def _add(self) -> ModelRow:
        with self._lock:
            row = ModelRow(self._lock, self._on_change, self._remove)
            self._show([*self._rows, row])
            return row

    def _remove(self, row: ModelRow) -> None:
        with self._lock:
            self._show([kept for kept in self._rows if kept is not row])
            if not self._rows:
                self._add()
            self._on_change()

    def _show(self, rows: list[ModelRow]) -> None:
        self._rows = rows
        self._row_box.children = [row.box for row in rows]

    @property
    def value(self) -> list[str]:
        """The names of the models; rows without a name are skipped."""
        return [row.text for row in self._rows if row.text]

    @value.setter
    def value(self, names: Sequence[str]) -> None:
        with self._lock:
            self._show([])
            for name in names or [""]:
                self._add().text = name
            self._on_change()

    @property
    def is_known(self) -> bool:
        """Whether all models were found."""
        return not any(row.problem for row in self._rows)

    @property
    def is_settled(self) -> bool:
        """Whether no lookup is in progress."""
        return all(row.is_settled for row in self._rows)

    def tell(self, problem: str) -> None:
        """Show what is wrong with the list; an empty text clears the message."""
        self._message.tell(problem)
