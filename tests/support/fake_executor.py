"""Runs of an executor that answers at once, without a measurement."""

from __future__ import annotations

from hfbench_nb import PyTorchBenchmark
from hfbench_nb.execution.displays import NoDisplay
from hfbench_nb.protocol.errors import IsolationError
from support.measured import ok
from support.models import short, tiny_bert

OK = ok()


class FakeExecutor:
    """Answers at once.

    Parameters
    ----------
    answer
        Called with each request; what it raises ends the case.
    unusable
        Called with the settings of each place; what it raises makes the place unusable.
    """

    def __init__(self, answer=lambda request: OK, unusable=lambda settings: None):
        self._answer = answer
        self._unusable = unusable
        self.places = []
        self.requests = []

    @property
    def cases(self):
        return [request.case for request in self.requests]

    def environment(self, framework, settings, method, cancellation):
        self.places.append(settings)
        self._unusable(settings)
        device = settings["device"]
        return {"framework": framework.name, "device": "cuda" if device == "auto" else device}

    def measure(self, framework, request, on_progress, cancellation):
        cancellation.check()
        self.requests.append(request)
        on_progress({"event": "progress", "phase": "building"})
        return self._answer(request)


def make(**given):
    models = given.get("models", ["tiny"])
    return PyTorchBenchmark(short(**given), configs=[tiny_bert() for _ in models])


def run(benchmark, executor, *where, **more):
    return benchmark.run(*where, display=NoDisplay(), executor=executor, **more)


def raising(error, when):
    """Answer, but raise an error where `when` says so of the case."""

    def answer(request):
        if when(request.case):
            raise error
        return OK

    return answer


def refusing(when, message="no such device"):
    def check(settings):
        if when(settings):
            raise IsolationError(message)

    return check
