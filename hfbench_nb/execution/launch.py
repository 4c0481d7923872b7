"""The command that starts the measuring end, in this environment or another."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

PACKAGE_FOLDER = Path(__file__).resolve().parent.parent

# Changing one of these changes what is measured, so that another server is needed.
_RELEVANT_PREFIXES = (
    "ATEN_", "BLIS_", "CUBLAS", "CUDA_", "CUDNN_", "DNNL_", "GLIBC_", "GOMP_", "HF_", "HIP_", "HSA_", "KMP_", "LD_",
    "MALLOC_", "MKL_", "NCCL_", "NUMEXPR_", "NVIDIA_", "OMP_", "ONEDNN_", "OPENBLAS_", "PYTHON", "PYTORCH_", "ROCR_",
    "SYCL_", "TF_", "THP_", "TORCH", "TRANSFORMERS_", "XLA_", "XPU_", "ZE_",
)  # fmt: skip

# The network must never enter a number, and what a library would draw on a terminal has no reader.
_QUIET = {"HF_HUB_OFFLINE": "1", "HF_HUB_DISABLE_PROGRESS_BARS": "1", "TRANSFORMERS_VERBOSITY": "error"}
# Another framework must never enter a process: Transformers imports any that it finds.
_SET = {
    "PyTorch": {**_QUIET, "USE_TORCH": "1", "USE_TF": "0", "USE_FLAX": "0"},
    # Transformers' TensorFlow classes are written for Keras 2, which the package tf_keras holds.
    "TensorFlow": {**_QUIET, "USE_TORCH": "0", "USE_TF": "1", "USE_FLAX": "0", "TF_USE_LEGACY_KERAS": "1"},
    # A function of the user's own finds what it would find in the notebook.
    "Python": {},
}

# Imports our package by its folder alone: its neighbours, in another environment than the one that measures, stay out.
_BOOTSTRAP = """
import importlib.util, json, sys
options = json.loads(sys.argv[1])
sys.path[:] = options["first"] + [entry for entry in sys.path if entry] + options["last"]
spec = importlib.util.spec_from_file_location(
    "hfbench_nb", options["package"] + "/__init__.py", submodule_search_locations=[options["package"]])
sys.modules["hfbench_nb"] = importlib.util.module_from_spec(spec)
spec.loader.exec_module(sys.modules["hfbench_nb"])
from hfbench_nb.worker.server import serve
serve(options)
"""


def command(framework: str, python: str | None, overlay: str | None, *, fork: bool, idle_s: float) -> list[str]:
    """Give the command line of a measuring end.

    Parameters
    ----------
    framework
        The framework that it imports.
    python
        Interpreter; None for this process's own, whose module search path it then shares.
    overlay
        Folder put first on the module search path.
    fork
        Whether it forks a process for each request or answers one itself.
    idle_s
        Ends after so many seconds without work.
    """
    options: dict[str, Any] = {
        "framework": framework,
        "package": str(PACKAGE_FOLDER),
        "first": [os.path.abspath(overlay)] if overlay else [],
        "last": [] if python else module_search_path(),
        "fork": fork,
        "client_pid": os.getpid(),
        "idle_s": idle_s,
    }
    return [python or sys.executable, "-c", _BOOTSTRAP, json.dumps(options)]


def module_search_path() -> list[str]:
    """Give this process's module search path with absolute folders."""
    return [os.path.abspath(entry) for entry in sys.path]


def environment(framework: str) -> dict[str, str]:
    """Give the environment variables of a measuring end."""
    return {**os.environ, **_SET[framework]}


def relevant_environment(variables: Mapping[str, str]) -> tuple[tuple[str, str], ...]:
    """Give the variables that decide what is measured, sorted."""
    return tuple(sorted((k, v) for k, v in variables.items() if k.startswith(_RELEVANT_PREFIXES) or k == "PATH"))
