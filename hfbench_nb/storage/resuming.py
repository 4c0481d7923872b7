"""Going on with a run: what of its journal is kept, and whether it was measured as it would be measured now."""

from __future__ import annotations

import json
import reprlib
from collections.abc import Iterable, Mapping
from typing import Any

from hfbench_nb.protocol.records import Cell, Measurement
from hfbench_nb.storage.journal import Contents

# Arguments that decide which cells there are, when one is given up, and what is shown: not how one is measured.
# A new argument counts until it is named here.
_FREE_ARGUMENTS = frozenset({
    "models", "batch_sizes", "sequence_lengths", "inference", "training", "timeout_s", "verbose", "save_to_csv",
    "log_print", "log_filename", "env_print", "torch_xla_tpu_print_metrics", "fp16_opt_level",
})  # fmt: skip
# Facts that change from one moment to the next, or are compared otherwise.
_FREE_FACTS = frozenset({"date", "time", "gpu_performance_state", "configurations_from", "python_executable", "fp16"})

_ABSENT = object()
_brief = reprlib.Repr()
_brief.maxstring = _brief.maxother = 200


def kept(before: Contents, cells: Iterable[Cell], timeout_s: float) -> dict[Cell, Measurement]:
    """Give the cells that need not be measured again.

    These are the cells that have their figures, those for which the memory did not suffice, and those that took too
    long, unless they are given more time now. A cell that was cancelled, that failed or whose process died is measured
    again: the cause may be gone.
    """
    finding = {"ok", "oom"}
    if timeout_s <= before.arguments.get("timeout_s", 0.0):
        finding.add("timeout")
    wanted = set(cells)
    return {cell: found for cell, found in before.entries if cell in wanted and found.status in finding}


def differences(before: Contents, now: Contents) -> list[str]:
    """Say what is measured otherwise now than when a journal was written: name, value there, value now.

    Parameters
    ----------
    before
        The journal.
    now
        Environment, arguments and configurations of this run.
    """
    found = _compare("", _counting_arguments(before.arguments), _counting_arguments(now.arguments))
    found += _compare("", before.environment, now.environment, leave_out=_FREE_FACTS)
    for model in dict.fromkeys(cell.model for cell, _ in before.entries if cell.model in now.configurations):
        place = f"configuration of {model!r}"
        if model not in before.configurations:
            found.append(f"{place} (absent in the journal)")
        else:
            found += _compare(f"{place}: ", before.configurations[model], now.configurations[model])
    return list(dict.fromkeys(found))


def _counting_arguments(arguments: Mapping[str, Any]) -> dict[str, Any]:
    counting = {k: v for k, v in arguments.items() if k not in _FREE_ARGUMENTS and not k.endswith("_csv_file")}
    if counting.pop("fp16", False):
        counting["dtype"] = "float16"
    return counting


def _compare(
    prefix: str, before: Mapping[str, Any], now: Mapping[str, Any], leave_out: Iterable[str] = ()
) -> list[str]:
    before, now = _as_read(before), _as_read(now)
    names = [name for name in dict.fromkeys([*before, *now]) if name not in leave_out]
    return [
        f"{prefix}{name} ({_text(before, name)} in the journal, {_text(now, name)} now)"
        for name in names
        if before.get(name, _ABSENT) != now.get(name, _ABSENT)
    ]


def _as_read(data: Mapping[str, Any]) -> dict[str, Any]:
    """Give data as it comes back from a journal."""
    read: dict[str, Any] = json.loads(json.dumps(data, default=str))
    return read


def _text(data: Mapping[str, Any], name: str) -> str:
    return _brief.repr(data[name]) if name in data else "absent"
