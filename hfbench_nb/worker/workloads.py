"""What can be measured: a pass of a model, or a function.  Standard library only: the measuring process imports it."""

from __future__ import annotations

import base64
import functools
import os
import pickle
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

from hfbench_nb.protocol.records import Cell, ModelSpec
from hfbench_nb.worker.backends.base import Runtime


@dataclass(frozen=True)
class Prepared:
    """A call that is ready to be measured, and the memory that there was before.

    Attributes
    ----------
    call
        What is measured.
    baseline_bytes
        Memory before anything was loaded that is not to be called baseline.
    loaded_bytes
        Memory once everything is loaded that the call needs, less what a model holds beside its weights.
    model
        The model that the call runs, if there is one.
    """

    call: Callable[[], object]
    baseline_bytes: int
    loaded_bytes: int
    model: Any = None


class Subject(Protocol):
    """Something that can be measured."""

    def prepare(self, runtime: Runtime) -> Prepared:
        """Load what is needed, in the process that measures."""
        ...


@dataclass(frozen=True)
class ModelPass:
    """One pass of a model: building it is loading."""

    cell: Cell
    spec: ModelSpec

    def prepare(self, runtime: Runtime) -> Prepared:
        """Build the model and make its inputs."""
        # What is free is not given back: building uses it again.
        baseline_bytes = runtime.meter.current_bytes()

        def read_baseline_again() -> None:
            nonlocal baseline_bytes
            baseline_bytes = _in_use_bytes(runtime)

        start = time.perf_counter()
        model = runtime.build(self.spec, self.cell.task, read_baseline_again)
        runtime.details["build_s"] = time.perf_counter() - start
        # What no checkpoint stores, such as GPT-2's causal masks, the model's code makes to work with: no weights.
        loaded_bytes = _in_use_bytes(runtime) - runtime.details.get("non_persistent_buffer_bytes", 0)
        # A megabyte may have been free: more than a very small model takes.
        baseline_bytes = min(baseline_bytes, loaded_bytes)
        return Prepared(runtime.make_call(model, self.cell), baseline_bytes, loaded_bytes, model)


class FunctionCall:
    """A call of a user's own function.

    Parameters
    ----------
    pickled
        Base64 of a cloudpickle of ``(function, setup or None)``, which comes from this user's own notebook by a pipe.
    folder
        The notebook's working directory.
    """

    def __init__(self, pickled: str, folder: str) -> None:
        self._pickled = pickled
        self._folder = folder

    def prepare(self, runtime: Runtime) -> Prepared:
        """Load the function and run its set-up; all of that is baseline."""
        os.chdir(self._folder)
        start = time.perf_counter()
        data, self._pickled = base64.b64decode(self._pickled), ""
        function, setup = pickle.loads(data)
        del data
        value = setup() if setup is not None else None
        runtime.details["setup_s"] = time.perf_counter() - start
        call = function if value is None else functools.partial(function, value)
        sys.stdout.flush()
        loaded_bytes = _in_use_bytes(runtime)
        return Prepared(call, loaded_bytes, loaded_bytes)


def _in_use_bytes(runtime: Runtime) -> int:
    """Read the memory without what was needed for a moment only."""
    runtime.meter.release()
    return runtime.meter.current_bytes()
