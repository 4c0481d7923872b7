"""The frameworks behind one interface.  Only the modules of this folder import a framework."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from hfbench_nb.worker.backends.base import Backend


def load_backend(module: str) -> Backend:
    """Import a framework and return its backend.

    Parameters
    ----------
    module
        Dotted name of a module whose function ``load`` returns the backend; see `hfbench_nb.arguments.frameworks`.

    Raises
    ------
    ImportError
        If the framework, or Transformers, is not installed here.
    """
    backend: Backend = import_module(module).load()
    return backend
