"""Which machines a Dask cluster has: each of its workers is asked to take part."""

from __future__ import annotations

import contextlib
import functools
from typing import Any

from hfbench_nb.execution import dask_worker
from hfbench_nb.results.environment import tool_version

ANSWER_TIMEOUT_S = 5.0


def look(client: Any) -> tuple[dict[str, dict[str, Any]], list[str]]:
    """Return what is known of a worker on each machine, and why others cannot measure."""
    found: dict[str, dict[str, Any]] = {}
    problems = []
    for address, told in _answers(client).items():
        if isinstance(told, BaseException):
            problems.append(f"{address} ({type(told).__name__}: {told})")
        elif told["version"] != tool_version():
            problems.append(f"{address} (hfbench_nb {told['version']} there, {tool_version()} here)")
        else:
            found.setdefault(told["identity"], {**told, "address": address})
    return found, problems


def _answers(client: Any) -> dict[str, Any]:
    """Return what each worker answers to being asked to take part, or an error; one that is frozen does not answer."""
    with contextlib.suppress(TimeoutError):
        return _answers_of(client, list(client.nthreads()))
    answers: dict[str, Any] = {}
    for address in client.nthreads():
        try:
            answers |= _answers_of(client, [address])
        except TimeoutError:
            answers[address] = TimeoutError(f"no answer within {ANSWER_TIMEOUT_S:g} s")
    return answers


def _answers_of(client: Any, workers: list[str]) -> dict[str, Any]:
    asked = functools.partial(client._run, dask_worker.take_part, workers=workers, on_error="return")
    answers: dict[str, Any] = client.sync(asked, callback_timeout=ANSWER_TIMEOUT_S) if workers else {}
    return answers
