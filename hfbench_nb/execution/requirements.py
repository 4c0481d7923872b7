"""Checking and installing the packages that a framework needs, without loading it."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence
from importlib.metadata import Distribution, distributions
from pathlib import Path

from hfbench_nb.arguments.frameworks import Framework
from hfbench_nb.execution.launch import SAFE_PATH
from hfbench_nb.protocol.errors import IsolationError, wrong_value


def installed_versions(packages: Sequence[str], overlay: str | None = None) -> dict[str, str]:
    """Return the versions of the given packages that are installed here; those in the overlay take precedence."""
    path = ([overlay] if overlay else []) + sys.path
    found: dict[str, str] = {}
    for package in packages:
        # By name: to read what every installed package says of itself takes a tenth of a second.
        versions = map(_version_of, distributions(name=package, path=path))
        version = next(filter(None, versions), None)
        if version is not None:
            found[package] = version
    return found


def _version_of(distribution: Distribution) -> str | None:
    """Return a version; None of what an interrupted installation has left, whose metadata is missing."""
    try:
        return distribution.version
    except (OSError, KeyError):  # as importlib_metadata raises them, which other packages install and activate
        return None


def check_requirements(framework: Framework, overlay: str | None) -> None:
    """Refuse an environment that lacks what a framework's models need.

    Raises
    ------
    IsolationError
        If a package is missing or too new; the message says what to install.
    """
    names = [name for needed in framework.requirements for name in needed.names]
    found = installed_versions(names, overlay)
    problems = []
    for needed in framework.requirements:
        versions = [found[name] for name in needed.names if name in found]
        if not versions:
            problems.append(f"{needed.package} is not installed")
        elif needed.below_major is not None and int(versions[0].partition(".")[0]) >= needed.below_major:
            problems.append(needed.why.format(versions[0]))
    if problems:
        advice = ""
        if framework.extra:
            advice = (
                f" Install them with `pip install 'hfbench-nb[{framework.extra}]'`; or, to leave this environment "
                f"unchanged, into a separate folder with `hfbench overlay {framework.command} FOLDER`, and measure "
                "with overlay='FOLDER'."
            )
        raise IsolationError(f"{framework.name} models cannot be measured here: {'; '.join(problems)}.{advice}")


def install_overlay(framework: Framework, folder: Path) -> None:
    """Install what a framework's models need into a folder: what is not installed here, and what has a largest version.

    Nothing else is changed: pip writes only to the folder.  NumPy is pinned to the version of this environment, which
    its framework is used with.

    Raises
    ------
    ArgumentError
        If the folder is not empty.
    IsolationError
        If pip fails; the message ends with pip's error output.
    """
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise wrong_value("folder", str(folder), "an empty folder, or one that does not exist")
    here = installed_versions(("numpy", *(name for needed in framework.requirements for name in needed.names)))
    # Those with a limit are what the overlay is for.
    wanted = [
        needed.specifier
        for needed in framework.requirements
        if needed.below_major is not None or not any(name in here for name in needed.names)
    ]
    if "numpy" in here:
        wanted.append(f"numpy=={here['numpy']}")
    run_pip = f"{SAFE_PATH}; import runpy; runpy.run_module('pip', run_name='__main__', alter_sys=True)"
    command = [sys.executable, "-c", run_pip, "install", "--quiet", "--target", str(folder), *wanted]
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True)
    if done.returncode:
        raise IsolationError(f"pip could not install {', '.join(wanted)}:\n{done.stderr[-2000:]}")
