"""``python -m hfbench_nb``: the console command."""

import os
import sys

if __name__ == "__main__":
    # Python puts the working directory first, where a `json.py` would be imported instead of Python's own (and a
    # `pathlib.py`, too).
    if not getattr(sys.flags, "safe_path", False):
        is_there = os.path.exists(".") and os.path.exists(sys.path[0])  # noqa: PTH110
        if is_there and os.path.samefile(sys.path[0], "."):  # noqa: PTH121
            del sys.path[0]

    from hfbench_nb.frontends.cli import main

    sys.exit(main())
