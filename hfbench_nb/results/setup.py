"""With what results were measured, in one line: framework, version, device."""

from __future__ import annotations

from hfbench_nb.rendering.escaping import printable
from hfbench_nb.results.result_set import ResultSet, Row


def describe_setup(results: ResultSet, *, short: bool = False) -> str:
    """Return framework, versions and device of the rows, as in ``PyTorch 2.13.0, Transformers 4.57.6 on CPU (EPYC)``.

    Parameters
    ----------
    results
        The results.
    short
        Whether to leave out the version of Transformers and the name of the device.

    Returns
    -------
    str
        Several, with semicolons between, where rows differ; empty where nothing is known.
    """
    found = dict.fromkeys(_describe(row, short=short) for row in results.rows)
    return printable("; ".join(filter(None, found)))


def _describe(row: Row, *, short: bool) -> str:
    facts = row.environment
    framework = f"{row.case.framework} {_text(facts.get('framework_version'))}".strip()
    transformers = "" if short else _text(facts.get("transformers_version"))
    parts = [framework, f"Transformers {transformers}" if transformers else ""]
    device = _text(row.settings.get("device")) or _text(facts.get("device"))
    if not device and isinstance(facts.get("use_gpu"), bool):
        device = "GPU" if facts["use_gpu"] else "CPU"
    # What else there is, a TPU, has no name of its own in the environment.
    name = {"cpu": "cpu_model", "cuda": "gpu", "gpu": "gpu"}.get(device.lower().partition(":")[0], "")
    model = "" if short else _text(facts.get(name))
    device = device.upper() if device == "cpu" else device
    on = f" on {device}{f' ({model})' if model else ''}" if device else ""
    return ", ".join(filter(None, parts)) + on


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""
