"""A worker or worker server, as seen from the notebook."""

from __future__ import annotations

import contextlib
import errno
import os
import queue
import signal
import subprocess
import sys
import tempfile
import threading
from typing import Any

from hfbench_nb.arguments.frameworks import Framework
from hfbench_nb.execution import launch
from hfbench_nb.execution.cancellation import Cancellation, Cancelled
from hfbench_nb.execution.huge_pages import with_huge_pages
from hfbench_nb.protocol import messages as protocol
from hfbench_nb.protocol.errors import IsolationError
from hfbench_nb.protocol.measurement import Failure

IDLE_S = 600.0
START_TIMEOUT_S = 300.0
# How long a process may take to exit when told to.
KILL_TIMEOUT_S = 0.8
LOG_TAIL_BYTES = 4000
_LAST_WORDS_S = 0.5
_LONGEST_OUTPUT = 300  # letters

_running: set[WorkerProcess] = set()
_starting = threading.Lock()


def running_processes() -> tuple[WorkerProcess, ...]:
    """Return the processes that this one has started and that have not ended, also those that are just starting."""
    with _starting:
        return tuple(_running)


class WorkerProcess:
    """A worker or worker server, the messages it sends, and its log."""

    def __init__(
        self,
        framework: Framework,
        python: str | None,
        overlay: str | None,
        huge_pages: bool,
        *,
        fork: bool,
        cancellation: Cancellation,
    ) -> None:
        variables = launch.environment(framework)
        self._python, self._is_chosen = python or sys.executable, python is not None
        try:
            self._log = tempfile.TemporaryFile(prefix="hfbench-")  # noqa: SIM115 - lives as long as the process
            command = launch.command(framework, python, overlay, fork=fork, idle_s=IDLE_S)
            with _starting:
                self._process = subprocess.Popen(
                    command,
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    stderr=self._log,
                    env=with_huge_pages(variables) if huge_pages else variables,
                    cwd=launch.working_folder() or os.path.abspath(os.sep),  # libraries fail in one that was deleted
                    start_new_session=True,
                )
                _running.add(self)
        except OSError as error:
            if python is not None and error.errno == errno.ENOEXEC:
                raise _not_python(python) from error
            raise IsolationError(f"The worker for {framework.name} cannot be started: {error}") from error
        self.messages: queue.SimpleQueue[dict[str, Any]] = queue.SimpleQueue()
        reader = threading.Thread(target=self._read, name="hfbench-reader", daemon=True)
        reader.start()
        threading.Thread(target=self._tell_end, args=(reader, fork), name="hfbench-waiter", daemon=True).start()
        self.started = self._wait_until_ready(framework, cancellation)

    def _read(self) -> None:
        assert self._process.stdout is not None
        with self._process.stdout as lines:
            for line in lines:
                message = protocol.decode(line)
                if message is not None:
                    self.messages.put(message)

    def _tell_end(self, reader: threading.Thread, fork: bool) -> None:
        code = self._process.wait()
        _running.discard(self)
        if not fork:  # a worker server ends the processes that its cases have started
            self._kill_group()
        # Its last messages come first; the time is limited since a process that a case forked may hold the pipe open.
        reader.join(_LAST_WORDS_S)
        self.messages.put({"event": "end", "code": code})

    def _wait_until_ready(self, framework: Framework, cancellation: Cancellation) -> dict[str, Any]:
        try:
            with cancellation.waking(lambda: self.messages.put({"event": "cancel"})):
                message = self.messages.get(timeout=START_TIMEOUT_S)
                if message.get("event") == "cancel":
                    raise Cancelled
        except queue.Empty:
            message = {"event": "silent"}
        except BaseException:
            self.kill()
            raise
        event = message.get("event")  # another program may have written anything
        if event == "ready":
            return message
        self.kill()
        if event == "failed":
            raise IsolationError(f"{framework.name} cannot be used by {self._python}: {Failure(**message['failure'])}")
        if self._is_chosen and event != "silent" and not _is_python(self._python):
            raise _not_python(self._python)
        how = describe_end(message.get("code"), log="")  # all of its output follows
        raise IsolationError(f"The worker for {framework.name} did not start: {how}\n{self.log_tail()}".rstrip())

    def send(self, request: dict[str, Any]) -> None:
        """Send a request; if the process is gone, an ``end`` message reports it."""
        assert self._process.stdin is not None
        with contextlib.suppress(OSError):
            self._process.stdin.write(protocol.encode(request))
            self._process.stdin.flush()

    def is_alive(self) -> bool:
        """Return whether the process is running."""
        return self._process.poll() is None

    def kill(self) -> None:
        """Kill the process and those that it started."""
        self._kill_group()
        self._process.kill()
        self._process.wait()

    def _kill_group(self) -> None:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            if hasattr(os, "killpg"):
                os.killpg(self._process.pid, signal.SIGKILL)

    def close(self) -> None:
        """Ask the process to exit; kill it if it does not."""
        with contextlib.suppress(OSError):
            if self._process.stdin is not None:
                self._process.stdin.close()
        try:
            self._process.wait(KILL_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            self.kill()

    def log_size(self) -> int:
        """Return the current size of the log, bytes."""
        return os.fstat(self._log.fileno()).st_size

    def log_tail(self, start: int = 0) -> str:
        """Return the end of the log, not before byte `start`; empty on Windows, where the open file cannot be read."""
        if not hasattr(os, "pread"):  # Windows
            return ""
        size = self.log_size()
        return os.pread(self._log.fileno(), LOG_TAIL_BYTES, max(start, size - LOG_TAIL_BYTES)).decode(
            "utf-8", "replace"
        )


def _is_python(program: str) -> bool:
    """Return whether a program can compute what Python can."""
    with contextlib.suppress(OSError, subprocess.TimeoutExpired):
        asked = [program, "-c", "print(6 * 7)"]
        answer = subprocess.run(asked, stdin=subprocess.DEVNULL, capture_output=True, timeout=START_TIMEOUT_S)
        return answer.stdout.strip() == b"42"
    return False


def _not_python(program: str) -> IsolationError:
    allowed = f"the path of one, such as {sys.executable!r}"
    return IsolationError(
        f"python={program!r} cannot be used: it is not a Python interpreter; python must be {allowed}."
    )


def describe_end(code: int | None, log: str) -> str:
    """Return how a worker ended, and the last line that it wrote, which often says why."""
    if code is None:
        return "the worker did not reply in time"
    how = f"the worker ended with exit code {code} and without a reply"
    if code < 0:
        with contextlib.suppress(ValueError):
            how = f"the worker was ended by {signal.Signals(-code).name}"
    lines = log.split("\n")
    last = next((line.strip() for line in reversed(lines) if line.strip()), "")
    return f"{how}; its last output: {last[:_LONGEST_OUTPUT]}" if last else how
