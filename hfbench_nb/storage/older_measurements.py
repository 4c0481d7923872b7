"""Measurements as earlier formats of journals held them: what has a field of its own now stood in free dictionaries."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from hfbench_nb.protocol.peaks import Peaks

_VERSIONS = ("framework_version", "transformers_version")
_TEXTS = ("note", "line_trace_failure")
# What earlier versions called the phases of a call.
_PHASES = ("prefill", "decode", "forward", "backward", "optimizer")


def of_format_1(data: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, str]]:
    """Return a measurement of format 1 in the form of formats 2 and 3, and the versions that it was taken with.

    Raises
    ------
    ValueError
        If an entry that must be text is none.
    """
    details = {**data.get("details", {})}
    versions = {name: _text(details[name], name) for name in _VERSIONS if name in details}
    texts = {name: _text(details.pop(name, ""), name) for name in _TEXTS}
    resolved = {name: details[name] for name in ("device", "threads") if name in details}
    return {**data, "details": details, **texts, "resolved": resolved}, versions


def of_format_3(data: Mapping[str, Any]) -> dict[str, Any]:
    """Return a measurement of formats 2 and 3 in today's form; an entry of another type than its field stays a detail.

    Raises
    ------
    ValueError
        If no measurement has that form.
    """
    details = _Details(data.get("details", {}))
    costs = {name: details.take(name, float) for name in ("start_s", "open_s", "build_s", "calls_s")}
    costs["calls"] = details.take("calls", int)
    typed = {
        "costs": _known(costs),
        "model_facts": _model_facts(details),
        "peaks": _peaks(details),
        "framework_version": details.take("framework_version", str) or "",
        "memory": _memory(data.get("memory")),
        "metrics": {**data.get("metrics", {}), **_known({"compile_s": details.take("compile_s", float)})},
    }
    return {**data, **typed, "details": details.rest}


class _Details:
    """Free entries, some of which have the type of a field."""

    def __init__(self, data: Any) -> None:
        if not isinstance(data, dict):
            raise ValueError(f"details cannot be a {type(data).__name__}")
        self.rest = {**data}

    def take(self, name: str, kind: type) -> Any:
        """Remove an entry and return it; None if there is none of this type, and whatever there is stays."""
        value = self.rest.get(name)
        fits = isinstance(value, (int, float) if kind is float else kind) and not isinstance(value, bool)
        return self.rest.pop(name) if fits else None


def _peaks(details: _Details) -> dict[str, Any] | None:
    try:
        Peaks.from_dict(details.rest.get("peaks") or {})
    except (ValueError, AttributeError):  # damaged, or none
        return None
    found: dict[str, Any] = details.rest.pop("peaks")
    return found


def _model_facts(details: _Details) -> dict[str, Any] | None:
    if not isinstance(details.rest.get("model_class"), str) or not isinstance(details.rest.get("parameters"), int):
        return None
    sizes = {
        name: details.take(name, int)
        for name in ("parameters", "buffer_bytes", "non_persistent_buffer_bytes", "weights_bytes")
    }
    return {"model_class": details.take("model_class", str), **_known(sizes)}


def _memory(data: Any) -> Any:
    if not isinstance(data, dict) or not isinstance(data.get("details"), dict):
        return data
    details = _Details(data["details"])
    peaks = _known({phase: details.take(f"{phase}_peak_bytes", int) for phase in _PHASES})
    return {**data, "phase_peak_bytes": peaks, "details": details.rest}


def _known(values: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value is not None}


def _text(value: Any, name: str) -> str:
    if not isinstance(value, str):
        raise ValueError(f"details[{name!r}] must be text")
    return value
