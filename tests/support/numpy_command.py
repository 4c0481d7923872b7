"""The console command with the NumPy models of tests/extensions, whose workers import no PyTorch, which takes seconds.

Words, streams and exit codes are those of ``hfbench``, as it is started by its script.
"""

from __future__ import annotations

import sys
from pathlib import Path

if __name__ == "__main__":
    sys.path[0] = str(Path(__file__).resolve().parents[1] / "extensions")
    from numpy_arguments import NUMPY

    from hfbench_nb.arguments.frameworks import FRAMEWORKS
    from hfbench_nb.frontends.cli import main

    FRAMEWORKS.register(NUMPY)
    sys.exit(main())
