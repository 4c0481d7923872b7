"""What a framework needs to be installed, found out without loading it."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence
from importlib.metadata import distributions
from pathlib import Path

from hfbench_nb.protocol.errors import IsolationError, wrong_value

TENSORFLOW_PACKAGES = ("tensorflow", "tf-keras", "transformers")
"""What TensorFlow models need; Transformers dropped them with version 5."""


def installed_versions(packages: Sequence[str], overlay: str | None = None) -> dict[str, str]:
    """Give the versions of those packages that are installed here, those of the overlay first."""
    path = ([overlay] if overlay else []) + sys.path
    wanted = {_normal(name): name for name in packages}
    found: dict[str, str] = {}
    for distribution in distributions(path=path):
        name = wanted.get(_normal(distribution.metadata["Name"] or ""))
        if name is not None:
            found.setdefault(name, distribution.version)
    return found


def check_tensorflow(overlay: str | None) -> None:
    """Refuse an environment in which no TensorFlow model can be built.

    Raises
    ------
    IsolationError
        If a package is missing, or Transformers is too new; the message says what to install.
    """
    found = installed_versions(("tensorflow-cpu", *TENSORFLOW_PACKAGES), overlay)
    if "tensorflow-cpu" in found:
        found["tensorflow"] = found["tensorflow-cpu"]
    problems = [f"{name} is not installed" for name in TENSORFLOW_PACKAGES if name not in found]
    transformers = found.get("transformers", "4")
    if int(transformers.partition(".")[0]) >= 5:
        problems.append(f"Transformers {transformers} has no TensorFlow models: they ended with version 4")
    if problems:
        raise IsolationError(
            f"TensorFlow models cannot be measured here: {'; '.join(problems)}. "
            "Install them with `pip install 'hfbench-nb[tensorflow]'`; or, to leave this environment as it is, into a "
            "folder of their own with `hfbench overlay tensorflow FOLDER`, and measure with overlay='FOLDER'."
        )


def install_tensorflow_overlay(folder: Path) -> None:
    """Install Transformers 4 and what it needs into a folder, and TensorFlow too where it is not installed here.

    Nothing else is touched: pip writes to the folder alone.  NumPy stays at the version of this environment, which
    its TensorFlow was loaded with.

    Raises
    ------
    ArgumentError
        If the folder holds something already.
    IsolationError
        If pip fails; the message ends with what it said.
    """
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise wrong_value("folder", str(folder), "an empty folder, or one that is not there")
    here = installed_versions(("numpy", "tensorflow", "tensorflow-cpu", "tf-keras"))
    wanted = ["transformers>=4.57,<5"]
    if "tensorflow" not in here and "tensorflow-cpu" not in here:
        wanted.append("tensorflow")
    if "tf-keras" not in here:
        wanted.append("tf-keras")
    if "numpy" in here:
        wanted.append(f"numpy=={here['numpy']}")
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--target", str(folder), *wanted]
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True)
    if done.returncode:
        raise IsolationError(f"pip could not install {', '.join(wanted)}:\n{done.stderr[-2000:]}")


def _normal(name: str) -> str:
    return name.lower().replace("_", "-")
