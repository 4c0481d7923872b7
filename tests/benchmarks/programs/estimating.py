"""What an estimate costs in a clean process: seconds, and the largest memory of any process that it starts."""

from __future__ import annotations

import threading
import time

import psutil
from common import answer, request

from hfbench_nb import PyTorchBenchmarkArguments, estimate

asked = request()
own = psutil.Process()
largest = 0
is_over = threading.Event()


def look() -> None:
    """Note the largest child from time to time."""
    global largest
    while not is_over.wait(0.02):
        for child in own.children(recursive=True):
            try:
                largest = max(largest, child.memory_full_info().uss)
            except psutil.Error:
                continue


watcher = threading.Thread(target=look)
watcher.start()
start = time.perf_counter()
frame = estimate(PyTorchBenchmarkArguments(**asked["arguments"])).frame
took_s = time.perf_counter() - start
is_over.set()
watcher.join()
(row,) = frame[["status", "parameters", "total_mb", "error"]].to_dict("records")
answer({**row, "took_s": took_s, "largest_mb": largest / 2**20})
