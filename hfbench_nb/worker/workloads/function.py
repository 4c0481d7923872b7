"""A call of a user's own function."""

from __future__ import annotations

import base64
import functools
import os
import pickle
import sys
import time
from typing import Any

from hfbench_nb.protocol.case import Case
from hfbench_nb.protocol.request import ModelSpec, PickledFunction
from hfbench_nb.worker.backends.base import Runtime
from hfbench_nb.worker.workloads.base import Prepared, in_use_bytes


class FunctionCall:
    """A function, which comes from this user's own notebook by a pipe."""

    def __init__(self, case: Case, subject: ModelSpec | PickledFunction) -> None:
        assert isinstance(subject, PickledFunction)
        self.shared: Any = None
        self._pickled = subject.pickled
        self._folder = subject.folder

    def prepare(self, runtime: Runtime) -> Prepared:
        """Load the function and run its set-up; all of that is baseline."""
        if self._folder is not None:
            os.chdir(self._folder)
        start = time.perf_counter()
        data, self._pickled = base64.b64decode(self._pickled), ""
        function, setup = pickle.loads(data)
        del data
        value = setup() if setup is not None else None
        setup_s = time.perf_counter() - start
        call = function if value is None else functools.partial(function, value)
        sys.stdout.flush()
        loaded_bytes = in_use_bytes(runtime)
        return Prepared(call, loaded_bytes, loaded_bytes, details={"setup_s": setup_s})
