"""The frameworks behind one interface.  Only the modules of this folder import a framework."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from hfbench_nb.worker.backends.base import Backend

_MODULES = {
    "PyTorch": "hfbench_nb.worker.backends.pytorch",
    "TensorFlow": "hfbench_nb.worker.backends.tensorflow",
    "Python": "hfbench_nb.worker.backends.plain",
}


def load_backend(framework: str) -> Backend:
    """Import a framework and give its backend.

    Raises
    ------
    ImportError
        If the framework, or Transformers, is not installed here.
    """
    backend: Backend = import_module(_MODULES[framework]).load()
    return backend
