"""What a framework may offer to tell where the time of a call goes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol, runtime_checkable

from hfbench_nb.protocol.profile import Profile


@runtime_checkable
class ProfilingRuntime(Protocol):
    """A runtime of a framework with a profiler."""

    def profile(self, call: Callable[[], object], model: Any) -> Profile:
        """Make a call or a few under the profiler, and tell where the time of one goes.

        Parameters
        ----------
        call
            What is measured.
        model
            The model that it runs; None for a function.
        """
        ...
