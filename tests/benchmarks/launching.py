"""Running a program of ``programs/`` in an interpreter, with an end in any case."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

PROGRAMS = Path(__file__).resolve().parent / "programs"
_ANSWER = "ANSWER "


@dataclass(frozen=True)
class Outcome:
    """What came of a program.

    Attributes
    ----------
    wall_s
        Seconds from its start to its end.
    found
        Its answer, or None.
    why
        Why there is none.
    """

    wall_s: float
    found: dict[str, Any] | None
    why: str = ""

    def answer(self) -> dict[str, Any]:
        """Return the answer.

        Raises
        ------
        RuntimeError
            If there is none.
        """
        if self.found is None:
            raise RuntimeError(self.why)
        return self.found


def run_program(name: str, request: dict[str, Any], python: str = sys.executable, timeout_s: float = 1800.0) -> Outcome:
    """Run a program and all that it starts in a session of its own, which is ended when the time is over."""
    with (
        tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder,  # some leave files where they run
        tempfile.TemporaryFile() as out,  # a pipe would wait for grandchildren
        tempfile.TemporaryFile() as errors,
    ):
        start = time.perf_counter()
        process = _start(name, request, python, cwd=folder, stdin=subprocess.DEVNULL, stdout=out, stderr=errors)
        try:
            code = process.wait(timeout_s)
            why = f"exit code {code}"
        except subprocess.TimeoutExpired:
            why = f"no result within {timeout_s:.0f} s"
        finally:
            wall_s = time.perf_counter() - start
            _kill(process)
            process.wait()
        lines, words = (_lines(file) for file in (out, errors))
    for line in reversed(lines):
        if line.startswith(_ANSWER):
            return Outcome(wall_s, json.loads(line.removeprefix(_ANSWER)))
    return Outcome(wall_s, None, f"{why}: {words[-1].strip()[:200]}" if words and "exit" in why else why)


@contextmanager
def conversation(
    name: str, request: dict[str, Any], timeout_s: float = 600.0
) -> Iterator[Callable[[], dict[str, Any]]]:
    """Start a program that answers once for each line that it reads; return what asks it.

    Raises
    ------
    RuntimeError
        From what asks, if the program has ended; it is ended when the time is over.
    """
    process = _start(name, request, sys.executable, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    watchdog = threading.Timer(timeout_s, _kill, [process])
    watchdog.start()

    def ask() -> dict[str, Any]:
        with contextlib.suppress(BrokenPipeError):
            process.stdin.write("\n")
            process.stdin.flush()
        for line in process.stdout:
            if line.startswith(_ANSWER):
                found: dict[str, Any] = json.loads(line.removeprefix(_ANSWER))
                return found
        raise RuntimeError(f"{name} ended without an answer, or had none within {timeout_s:.0f} s")

    try:
        yield ask
    finally:
        watchdog.cancel()
        _kill(process)
        process.communicate()


def _start(name: str, request: dict[str, Any], python: str, **given: Any) -> subprocess.Popen[Any]:
    environment = {**os.environ, "HF_HUB_OFFLINE": "1", "USE_TF": "0", "USE_FLAX": "0"}
    if python != sys.executable:  # what is put on our path is not for others
        environment.pop("PYTHONPATH", None)
    command = [python, str(PROGRAMS / f"{name}.py"), json.dumps(request)]
    return subprocess.Popen(command, env=environment, start_new_session=True, **given)


def _kill(process: subprocess.Popen[Any]) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)


def _lines(file: Any) -> list[str]:
    file.seek(0)
    return [line for line in file.read().decode("utf-8", "replace").splitlines() if line.strip()]
