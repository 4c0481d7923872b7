"""Facts about the machine and the framework, kept with every result."""

from __future__ import annotations

import datetime as dt
import os
import platform
from collections.abc import Iterable, Mapping
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from hfbench_nb.protocol.measurement import MEGABYTE
from hfbench_nb.rendering.escaping import for_stdout, printable
from hfbench_nb.rendering.html import render

# The original's keys, in its order; a key that does not apply (a GPU's, a framework's own) is left out.
_ORIGINAL_KEYS = (
    "transformers_version", "framework", "use_torchscript", "eager_mode", "use_xla", "framework_version",
    "python_version", "system", "cpu", "architecture", "date", "time", "fp16", "use_multiprocessing",
    "only_pretrain_model", "cpu_ram_mb", "use_gpu", "num_gpus", "gpu", "gpu_ram_mb", "gpu_power_watts",
    "gpu_performance_state", "use_tpu",
)  # fmt: skip


class Environment(dict[str, Any]):
    """Facts about machine and framework by name: a dictionary that is displayed as a table, or as a list of lines.

    Facts that are not known, such as ``cpu`` where the system does not tell, are kept and not shown.
    """

    def known(self) -> dict[str, Any]:
        """Return the facts that are known."""
        return {name: value for name, value in self.items() if value is not None and value != ""}

    def texts(self) -> list[tuple[str, str]]:
        """Return the name and value of each known fact as printable text."""
        return [(fact_text(name), fact_text(value)) for name, value in self.known().items()]

    def _repr_html_(self) -> str:
        return render("facts.html.j2", title="Environment", facts=[(*fact, "") for fact in self.texts()])

    def __repr__(self) -> str:
        return _lines_of(self.known()) or "no facts"

    def all_lines(self) -> str:
        """Return every fact in a line, as in the original's report, also those that are not known."""
        return _lines_of(self)


def _lines_of(facts: Mapping[str, Any]) -> str:
    return for_stdout("\n".join(f"- {printable(str(name))}: {printable(str(value))}" for name, value in facts.items()))


class Environments(list[Environment]):
    """Several environments: displayed as a table with a column for each, or as one list of lines after the other."""

    def _repr_html_(self) -> str:
        columns = [dict(environment.texts()) for environment in self]
        names = dict.fromkeys(name for column in columns for name in column)
        rows = [(name, *(column.get(name, "") for column in columns)) for name in names]
        return render("environments.html.j2", rows=rows)

    def __repr__(self) -> str:
        return "\n\n".join(map(repr, self))


def describe(*facts: Mapping[str, Any]) -> Environment:
    """Return the environment of a run: the original's keys in its order, then ours.

    Parameters
    ----------
    *facts
        Facts about the framework and its device, the machine, and the run; later ones take precedence.
    """
    known: dict[str, Any] = {}
    for each in facts:
        known |= each
    ordered = {key: known[key] for key in _ORIGINAL_KEYS if key in known}
    return Environment(ordered | known)


def summarize(environments: Iterable[Mapping[str, Any]]) -> Environment:
    """Merge the facts of several environments; a fact that differs becomes the list of its values."""
    different: list[Mapping[str, Any]] = []
    for environment in environments:
        if environment not in different:
            different.append(environment)
    if len(different) == 1:
        return Environment(different[0])
    values: dict[str, list[Any]] = {}
    for environment in different:
        for name, value in environment.items():
            known = values.setdefault(name, [])
            known.extend(each for each in (value if isinstance(value, list) else [value]) if each not in known)
    return Environment({name: found[0] if len(found) == 1 else found for name, found in values.items()})


def fact_text(value: Any) -> str:
    """Return a fact as text: each value of a list, each entry of a dictionary."""
    if isinstance(value, list | tuple):
        return " | ".join(map(fact_text, value))
    if isinstance(value, Mapping):
        return ", ".join(f"{fact_text(name)}: {fact_text(of_name)}" for name, of_name in value.items())
    return printable(str(value))


def machine_facts() -> dict[str, Any]:
    """Describe this machine and the current date and time; sizes in MB of 2^20 bytes."""
    import psutil

    now = dt.datetime.now()
    return {
        "system": platform.system(),
        "cpu": platform.processor(),
        "architecture": platform.architecture()[0],
        "date": now.date().isoformat(),
        "time": now.time().isoformat(),
        "cpu_ram_mb": psutil.virtual_memory().total // MEGABYTE,
        "cpu_model": _cpu_model(),
        "cpu_cores": psutil.cpu_count(logical=False),
        "cpu_logical_cores": psutil.cpu_count(),
        "usable_cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else psutil.cpu_count(),
        "container_ram_limit_mb": _container_ram_limit_mb(),
        "container_cpu_limit": _container_cpu_limit(),
        "kernel": platform.release(),
        "transparent_huge_pages": huge_pages_setting(),
        "hfbench_nb_version": tool_version(),
    }


def huge_pages_setting() -> str | None:
    """Return to whom the kernel gives huge pages: ``always``, ``madvise`` (who asks) or ``never``; None if unknown."""
    for line in _lines("/sys/kernel/mm/transparent_hugepage/enabled"):
        return line.partition("[")[2].partition("]")[0] or None
    return None


def tool_version() -> str:
    """Return the version of hfbench_nb."""
    try:
        return version("hfbench-nb")
    except PackageNotFoundError:
        return "not installed"


def _cpu_model() -> str:
    for line in _lines("/proc/cpuinfo"):
        name, _, value = line.partition(":")
        if name.strip() in ("model name", "Model"):
            return value.strip()
    return platform.processor() or platform.machine()


def _container_ram_limit_mb() -> int | None:
    for path in ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"):
        for line in _lines(path):
            # Version 1 says "no limit" with a number close to 2^63.
            if line.isdigit() and int(line) < 1 << 60:
                return int(line) // MEGABYTE
    return None


def _container_cpu_limit() -> float | None:
    quota, period = "max", "1"
    for line in _lines("/sys/fs/cgroup/cpu.max"):
        quota, period = line.split()
    for quota_line, period_line in zip(
        _lines("/sys/fs/cgroup/cpu/cpu.cfs_quota_us"), _lines("/sys/fs/cgroup/cpu/cpu.cfs_period_us"), strict=False
    ):
        quota, period = quota_line, period_line
    return int(quota) / int(period) if quota.isdigit() else None


def _lines(path: str) -> list[str]:
    try:
        return Path(path).read_text().splitlines()
    except OSError:
        return []
