"""The other tools, each in an environment of its own that is made from PyPI when it is first needed."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

# Kept from run to run; git ignores it.
FOLDER = Path(__file__).resolve().parents[2] / ".bench"


@dataclass(frozen=True)
class Peer:
    """A tool, and the packages that it is known to work with."""

    name: str
    requirements: tuple[str, ...]

    def python(self) -> str:
        """Return the interpreter of its environment, which is made if it is not there or was made otherwise.

        Raises
        ------
        RuntimeError
            If it cannot be made.
        """
        folder = FOLDER / self.name.replace(" ", "-")
        interpreter, note = folder / "bin" / "python", folder / "installed.txt"
        wanted = "\n".join(self.requirements)
        if note.exists() and note.read_text() == wanted:
            return str(interpreter)
        install = [str(interpreter), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        for command in ([sys.executable, "-m", "venv", "--clear", str(folder)], [*install, *self.requirements]):
            done = subprocess.run(command, capture_output=True, text=True)
            if done.returncode:
                raise RuntimeError(f"{self.name} cannot be installed: {(done.stderr or done.stdout)[-300:]}")
        note.write_text(wanted)
        return str(interpreter)


ORIGINAL = Peer("transformers 4.48.3", ("torch==2.13.0", "transformers==4.48.3", "psutil"))
OPTIMUM = Peer(
    "optimum-benchmark 0.6.0",
    ("torch==2.13.0", "optimum-benchmark==0.6.0", "transformers==4.57.6", "datasets<4.5", "huggingface_hub<1"),
)
