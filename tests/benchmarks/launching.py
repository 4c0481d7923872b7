"""Running a program of ``programs/`` in an interpreter, with an end in any case."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
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
        """Give the answer.

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
    environment = {**os.environ, "HF_HUB_OFFLINE": "1", "USE_TF": "0", "USE_FLAX": "0"}
    if python != sys.executable:  # what is put on our path is not for others
        environment.pop("PYTHONPATH", None)
    with (
        tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder,  # some leave files where they run
        tempfile.TemporaryFile() as out,  # a pipe would wait for grandchildren
        tempfile.TemporaryFile() as errors,
    ):
        start = time.perf_counter()
        process = subprocess.Popen(
            [python, str(PROGRAMS / f"{name}.py"), json.dumps(request)],
            cwd=folder, stdin=subprocess.DEVNULL, stdout=out, stderr=errors, env=environment, start_new_session=True,
        )  # fmt: skip
        try:
            code = process.wait(timeout_s)
            why = f"exit code {code}"
        except subprocess.TimeoutExpired:
            why = f"no result within {timeout_s:.0f} s"
        finally:
            wall_s = time.perf_counter() - start
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        lines, words = (_lines(file) for file in (out, errors))
    for line in reversed(lines):
        if line.startswith(_ANSWER):
            return Outcome(wall_s, json.loads(line.removeprefix(_ANSWER)))
    return Outcome(wall_s, None, f"{why}: {words[-1].strip()[:200]}" if words and "exit" in why else why)


def _lines(file: Any) -> list[str]:
    file.seek(0)
    return [line for line in file.read().decode("utf-8", "replace").splitlines() if line.strip()]
