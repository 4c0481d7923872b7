"""One machine of a Dask cluster, as the notebook sees it."""

from __future__ import annotations

import contextlib
import itertools
import queue
import tempfile
import time
import uuid
from collections.abc import Callable, Collection, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from hfbench_nb.execution import dask_discovery, dask_worker
from hfbench_nb.execution.cancellation import Cancellation, Cancelled
from hfbench_nb.execution.machines import ClusterGone, MachineGone, MachineLost
from hfbench_nb.execution.servers import OnProgress, WorkerEnded
from hfbench_nb.protocol.case import Settings
from hfbench_nb.protocol.decoding import parse_json
from hfbench_nb.protocol.errors import IsolationError, shown
from hfbench_nb.protocol.measurement import Measurement
from hfbench_nb.protocol.registry import resolve
from hfbench_nb.protocol.request import Method, Request

# How long a worker that was lost may take to come back: its nanny starts it again.
RETURN_TIMEOUT_S = 20.0
LOOK_EVERY_S = 1.0


class DaskMachine:
    """A machine of a Dask cluster: one of its workers is asked to measure, one case at a time.

    Parameters
    ----------
    client
        The client.
    name
        What the column ``host`` calls it.
    worker
        What `take_part` has told of its worker, and its address.
    """

    def __init__(self, client: Any, name: str, worker: dict[str, Any]) -> None:
        self.name = name
        self._client, self._worker = client, worker
        self._scratch = ""
        self._topic = f"hfbench_nb-{uuid.uuid4().hex}"
        # Tasks are of one group, which one of them keeps alive: Dask would remember a group of each task for ever.
        self._numbers = itertools.count()
        self._first: Any = None
        self._inbox: queue.SimpleQueue[tuple[Any, dict[str, Any]]] = queue.SimpleQueue()
        client.subscribe_topic(self._topic, lambda event: self._inbox.put((event[1]["task"], event[1]["message"])))

    def facts(self) -> dict[str, Any]:
        """Describe the machine, without its frameworks."""
        facts: dict[str, Any] = self._worker["facts"]
        return facts

    def environment(
        self, framework: str, settings: Settings, method: Method, on_progress: OnProgress, cancellation: Cancellation
    ) -> dict[str, Any]:
        """Describe the framework and the device with which it measures cases with these settings."""
        reply = self._ask(dask_worker.environment_here, (framework, settings, method), on_progress, cancellation)
        environment: dict[str, Any] = reply["environment"]
        return environment

    def measure(
        self, framework: str, request: Request, on_progress: OnProgress, cancellation: Cancellation
    ) -> Measurement:
        """Measure one case."""
        self._scratch = request.method.scratch
        reply = self._ask(dask_worker.measure_here, (framework, request), on_progress, cancellation)
        measurement = Measurement.from_dict(parse_json(reply["measurement"]))
        profile = measurement.profile
        if profile is None or not profile.trace:
            return measurement
        if not reply["trace"]:
            return replace(measurement, profile=profile.with_trace("", f"the trace could not be read on {self.name}"))
        with tempfile.NamedTemporaryFile(prefix="hfbench-", suffix=Path(profile.trace).name, delete=False) as file:
            file.write(reply["trace"])
        return replace(measurement, profile=profile.with_trace(file.name))

    def release(self) -> None:
        """Drop what the machine keeps for further cases of the run."""
        with contextlib.suppress(Exception):  # it is gone, and so is what it kept
            self._first = None
            self._client.unsubscribe_topic(self._topic)
            released = self._client.submit(dask_worker.release_here, self._scratch, **self._placement())
            resolve("distributed:fire_and_forget")(released)

    def _ask(
        self, work: Callable[..., Any], arguments: tuple[Any, ...], on_progress: OnProgress, cancellation: Cancellation
    ) -> dict[str, Any]:
        """Return the reply of a function on the machine."""
        self._wait_until_there(on_progress, cancellation)
        placement = self._placement()
        future = self._client.submit(work, *arguments, self._topic, **placement)
        self._first = self._first or future
        task = placement["key"][1]
        future.add_done_callback(lambda _: self._inbox.put((task, {"event": "done"})))
        try:
            with cancellation.waking(lambda: self._inbox.put((task, {"event": "cancel"}))):
                for message in self._messages(task):
                    if message["event"] == "done":
                        break
                    on_progress(message)
            reply = self._result(future)
        except BaseException:
            with contextlib.suppress(Exception):
                future.cancel()
            raise
        if "cancelled" in reply:  # by Dask: this notebook was taken for gone
            raise MachineLost(f"The scheduler has given up what {self.name} was measuring.")
        if "failure" in reply:
            kind = WorkerEnded if reply["worker_ended"] else IsolationError
            raise kind(f"on {self.name}: {reply['failure']}")
        return reply

    def _placement(self) -> dict[str, Any]:
        return {
            "key": (self._topic, next(self._numbers)), "workers": [self._worker["address"]], "pure": False,
            "allow_other_workers": False, "resources": {dask_worker.RESOURCE: 1},
        }  # fmt: skip

    def _messages(self, task: int) -> Iterator[dict[str, Any]]:
        """Return each message about a task until it is done.

        Raises
        ------
        Cancelled
            If the run was cancelled.
        MachineLost
            If the worker is gone.
        """
        has_begun = False
        while True:
            about, message = self._next_message()
            if about is None:
                self._check_is_there()
                if not has_begun:
                    yield {"event": "wait", "reason": f"waiting for {self.name}, where another run may be measuring"}
            if about != task:
                continue  # of a task before this one
            has_begun = True
            if message["event"] == "cancel":
                raise Cancelled
            yield message

    def _next_message(self) -> tuple[Any, dict[str, Any]]:
        """Return the next message and the task that it is about; None if there is none for a while."""
        with contextlib.suppress(queue.Empty):
            return self._inbox.get(timeout=LOOK_EVERY_S)
        return None, {}

    def _result(self, future: Any) -> dict[str, Any]:
        while True:
            try:
                reply: dict[str, Any] = future.result(timeout=LOOK_EVERY_S)
            except TimeoutError:
                self._check_is_there()
            except Exception as error:  # whatever Dask or the worker raises
                if future.status == "error":
                    text = f"{type(error).__name__}: {shown(error)}"
                    raise IsolationError(f"{self.name} cannot measure this: {text}") from error
                raise MachineLost(f"The scheduler has lost what {self.name} was measuring: {error}") from None
            else:
                return reply

    def _workers(self) -> Collection[str]:
        """Return the addresses of the workers that the scheduler has; none if it does not answer."""
        if self._client.status != "running":
            return ()
        try:
            found: dict[str, int] = self._client.sync(
                self._client.scheduler.ncores, callback_timeout=dask_discovery.ANSWER_TIMEOUT_S
            )
        except Exception:  # whatever Dask raises where the scheduler is gone
            return ()
        return found

    def _check_is_there(self) -> None:
        if self._worker["address"] not in self._workers():
            raise MachineLost(
                f"The Dask worker on {self.name} ({self._worker['address']}) was lost while it measured this case: it "
                "was stopped, or ran out of memory, or its scheduler is gone."
            )

    def _wait_until_there(self, on_progress: OnProgress, cancellation: Cancellation) -> None:
        """Find another worker on the machine if that which was there is gone; its nanny may start it again."""
        deadline = time.monotonic() + RETURN_TIMEOUT_S
        while self._worker["address"] not in (workers := self._workers()):
            if workers:
                with contextlib.suppress(Exception):
                    found, _ = dask_discovery.look(self._client)
                    if self._worker["identity"] in found:
                        self._worker = found[self._worker["identity"]]
                        return
            if time.monotonic() > deadline or self._client.status == "closed":
                if self._client.status != "running":
                    raise ClusterGone(f"The scheduler of the cluster has not answered for {RETURN_TIMEOUT_S:g} s.")
                raise MachineGone(
                    f"No Dask worker is left on {self.name}, and none has come back within {RETURN_TIMEOUT_S:g} s."
                )
            on_progress({"event": "wait", "reason": f"waiting for {self.name} to come back"})
            cancellation.check()
            time.sleep(LOOK_EVERY_S / 2)
