"""The command that starts a worker or worker server, in this environment or another."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from hfbench_nb.arguments.frameworks import Framework

PACKAGE_FOLDER = Path(__file__).resolve().parent.parent

# Changing one of these changes what is measured, so a new worker server is needed.
_RELEVANT_PREFIXES = (
    "ATEN_", "BLIS_", "CUBLAS", "CUDA_", "CUDNN_", "DNNL_", "GLIBC_", "GOMP_", "HF_", "HIP_", "HSA_", "KMP_", "LD_",
    "MALLOC_", "MKL_", "NCCL_", "NUMEXPR_", "NVIDIA_", "OMP_", "ONEDNN_", "OPENBLAS_", "PYTHON", "PYTORCH_", "ROCR_",
    "SYCL_", "TF_", "THP_", "TORCH", "TRANSFORMERS_", "XLA_", "XPU_", "ZE_",
)  # fmt: skip

# The working directory, which `-c` puts first, may hold a `json.py`: Python's own modules must win.
# (Its option -P does the same, from version 3.11.)
SAFE_PATH = "import sys; sys.path[:] = [entry for entry in sys.path if entry]"

# Imports our package from its folder alone: its neighbours belong to another environment and must not be importable.
_BOOTSTRAP = f"""
{SAFE_PATH}
import importlib.util, json
options = json.loads(sys.argv[1])
sys.path[:] = options["first"] + sys.path + options["last"]
spec = importlib.util.spec_from_file_location(
    "hfbench_nb", options["package"] + "/__init__.py", submodule_search_locations=[options["package"]])
sys.modules["hfbench_nb"] = importlib.util.module_from_spec(spec)
spec.loader.exec_module(sys.modules["hfbench_nb"])
from hfbench_nb.worker.server import serve
serve(options)
"""


def command(framework: Framework, python: str | None, overlay: str | None, *, fork: bool, idle_s: float) -> list[str]:
    """Return the command line of a worker or worker server.

    Parameters
    ----------
    framework
        The framework to import.
    python
        Interpreter; None for that of this process, together with its module search path.
    overlay
        Folder to put first on the module search path.
    fork
        Whether to fork a worker for each request (worker server), or to serve one request itself.
    idle_s
        Seconds without work after which the process exits.
    """
    options: dict[str, Any] = {
        "backend": framework.backend,
        "package": str(PACKAGE_FOLDER),
        "first": [os.path.abspath(overlay)] if overlay else [],
        "last": [] if python else module_search_path(),
        "fork": fork,
        "client_pid": os.getpid(),
        "idle_s": idle_s,
    }
    return [python or sys.executable, "-c", _BOOTSTRAP, json.dumps(options)]


def module_search_path() -> list[str]:
    """Return this process's module search path with absolute folders."""
    here = working_folder()
    entries = sys.path if here is not None else [entry for entry in sys.path if Path(entry).is_absolute()]
    return [os.path.normpath(os.path.join(here or "", entry)) for entry in entries]


def working_folder() -> str | None:
    """Return the working directory; None if it was deleted."""
    try:
        return str(Path.cwd())
    except OSError:
        return None


def environment(framework: Framework) -> dict[str, str]:
    """Return the environment variables of a worker or worker server."""
    return {**os.environ, **framework.variables}


def relevant_environment(variables: Mapping[str, str]) -> tuple[tuple[str, str], ...]:
    """Return the variables that affect what is measured, sorted."""
    return tuple(sorted((k, v) for k, v in variables.items() if k.startswith(_RELEVANT_PREFIXES) or k == "PATH"))
