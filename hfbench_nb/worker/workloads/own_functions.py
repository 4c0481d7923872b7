"""The user's own functions for a model, loaded in the worker: they come from this user's own notebook by a pipe."""

from __future__ import annotations

import base64
import functools
import os
import pickle
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from hfbench_nb.protocol.request import OwnCode
from hfbench_nb.worker.backends.base import OwnCodeError, Runtime


@dataclass(frozen=True)
class OwnFunctions:
    """Functions whose errors say which of them failed.

    Attributes
    ----------
    make_model
        Returns the model; None if it is built from its configuration.
    inputs
        Returns the inputs for a batch size and a sequence length; None if they are made.
    loss
        Returns what training minimises, for the model's outputs; None for the model's own.
    """

    make_model: Callable[[], object] | None = None
    inputs: Callable[[int, int], object] | None = None
    loss: Callable[[Any], Any] | None = None

    @classmethod
    def load(cls, runtime: Runtime, code: OwnCode | None) -> OwnFunctions:
        """Unpickle the functions and go to the notebook's working directory.

        Raises
        ------
        OwnCodeError
            If the worker lacks something that they need.
        """
        if code is None:
            return cls()
        os.chdir(code.folder)
        try:
            factory, inputs, loss = pickle.loads(base64.b64decode(code.pickled))
        except Exception as error:
            if _is_out_of_memory(runtime, error):
                raise
            raise OwnCodeError(
                f"the {' and the '.join(code.fingerprints)} cannot be loaded in the worker: {_described(error)}"
            ) from error
        return cls(
            _named("the factory", runtime, factory),
            _named("inputs", runtime, inputs),
            _named("loss", runtime, loss),
        )

    def make_inputs(self, batch_size: int, sequence_length: int) -> Callable[[], object] | None:
        """Return the function that makes inputs of a size; None if there is none."""
        return None if self.inputs is None else functools.partial(self.inputs, batch_size, sequence_length)


def _named(name: str, runtime: Runtime, function: Callable[..., Any] | None) -> Callable[..., Any] | None:
    """Return a function whose errors say what failed; memory that runs out is the case's own status."""
    if function is None:
        return None

    def call(*args: Any) -> Any:
        try:
            return function(*args)
        except Exception as error:
            if _is_out_of_memory(runtime, error):
                raise
            given = f" for batch size {args[0]}, sequence length {args[1]}" if len(args) == 2 else ""
            raise OwnCodeError(
                f"{name} raised {_described(error)}{given}; call it in the notebook to see where"
            ) from error

    return call


def _is_out_of_memory(runtime: Runtime, error: Exception) -> bool:
    return isinstance(error, MemoryError) or runtime.is_out_of_memory(error)


def _described(error: Exception) -> str:
    try:
        return f"{type(error).__name__}: {error}"
    except Exception:  # the __str__ of a user's own exception may fail
        return type(error).__name__
