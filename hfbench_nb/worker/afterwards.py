"""What is found out about a case once its time and memory are known.  Standard library only.

What cannot be found out is told in the details, and discards nothing that was measured.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from hfbench_nb.protocol.errors import message_of
from hfbench_nb.worker.backends.base import Runtime
from hfbench_nb.worker.clock import CountingStopwatch
from hfbench_nb.worker.energy import NoEnergyCounterError, counter_of, energy_of
from hfbench_nb.worker.workloads.base import Prepared


def find_out(
    runtime: Runtime, prepared: Prepared, stopwatch: CountingStopwatch, call_s: float
) -> tuple[dict[str, float], dict[str, Any]]:
    """Return further metrics of a case by name, and details that say why one is missing.

    Parameters
    ----------
    runtime
        The framework.
    prepared
        The call.
    stopwatch
        Times it.
    call_s
        How long it takes, seconds.
    """
    metrics: dict[str, float] = {}
    details: dict[str, Any] = {}

    def find(missing: str, metrics_of: Callable[[], dict[str, float]]) -> None:
        try:
            metrics.update(metrics_of())
        except NoEnergyCounterError as error:
            details[missing] = str(error)
        except Exception as error:
            details[missing] = f"{type(error).__name__}: {message_of(error)}"

    def energy() -> dict[str, float]:
        counter = counter_of(getattr(runtime, "nvml", None), str(runtime.resolved.get("device", "cpu")))
        return {"energy_j": energy_of(lambda calls: stopwatch(prepared.call, calls), call_s, counter)}

    find("no_energy", energy)
    if prepared.count is not None:
        count, start = prepared.count, time.perf_counter()
        find("no_flops", lambda: {**count()})
        details["count_s"] = time.perf_counter() - start
    return metrics, details
