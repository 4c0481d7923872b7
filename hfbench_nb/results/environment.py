"""What is known of the machine, and put beside every result."""

from __future__ import annotations

import datetime as dt
import os
import platform
from collections.abc import Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from hfbench_nb.arguments.benchmark import BenchmarkArguments
from hfbench_nb.protocol.records import MEGABYTE, ModelSpec
from hfbench_nb.rendering.escaping import printable

# The original's keys, in its order; a key that does not apply (a GPU's, a framework's own) is left out.
_ORIGINAL_KEYS = (
    "transformers_version", "framework", "use_torchscript", "eager_mode", "use_xla", "framework_version",
    "python_version", "system", "cpu", "architecture", "date", "time", "fp16", "use_multiprocessing",
    "only_pretrain_model", "cpu_ram_mb", "use_gpu", "num_gpus", "gpu", "gpu_ram_mb", "gpu_power_watts",
    "gpu_performance_state", "use_tpu",
)  # fmt: skip


class Environment(dict[str, Any]):
    """Facts of machine and framework by name: a dictionary that shows itself as a table, or as a list of lines."""

    def _repr_html_(self) -> str:
        from hfbench_nb.display.html_tables import facts_to_html

        return facts_to_html(self)

    def __repr__(self) -> str:
        lines = [f"- {printable(str(name))}: {printable(str(value))}" for name, value in self.items()]
        return "\n".join(lines) or "no facts"


def describe(args: BenchmarkArguments, framework_facts: dict[str, Any], models: Sequence[ModelSpec]) -> Environment:
    """Give the environment of a run: the original's keys in its order, then ours.

    Parameters
    ----------
    args
        The arguments of the run.
    framework_facts
        What the measuring process says of its framework and device.
    models
        The models, whose sources are noted.
    """
    facts = {
        **framework_facts,
        **machine_facts(),
        "fp16": args.fp16,
        "dtype": args.settings().dtype,
        "use_multiprocessing": args.do_multi_processing,
        "only_pretrain_model": args.only_pretrain_model,
        "use_tpu": args.is_tpu,
        "configurations_from": {model.name: model.source for model in models},
    }
    return _in_order(facts)


def describe_function(framework_facts: dict[str, Any]) -> Environment:
    """Give the environment in which a function is measured, in the same order."""
    return _in_order({**framework_facts, **machine_facts(), "use_multiprocessing": True})


def _in_order(facts: dict[str, Any]) -> Environment:
    ordered = {key: facts[key] for key in _ORIGINAL_KEYS if key in facts}
    return Environment(ordered | facts)


def machine_facts() -> dict[str, Any]:
    """Describe this machine and this moment; sizes in MB of 2^20 bytes."""
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
        "hfbench_nb_version": tool_version(),
    }


def tool_version() -> str:
    """Give the version of hfbench_nb."""
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
