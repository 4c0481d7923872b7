"""Our time of one case and that of torch.utils.benchmark, which reads one block after each of ours, in this process."""

from __future__ import annotations

import statistics
from unittest import mock

from common import answer, configurations, request
from torch.utils.benchmark import Timer

from hfbench_nb import PyTorchBenchmark, PyTorchBenchmarkArguments
from hfbench_nb.worker.backends import pytorch_devices
from hfbench_nb.worker.clock import wall_clock

asked = request()
args = PyTorchBenchmarkArguments(
    models=list(asked["models"]),
    batch_sizes=[asked["batch_size"]],
    sequence_lengths=[asked["length"]],
    threads=asked["threads"],
    precision=1e-6,  # takes all of the time that it has
    max_seconds=asked["seconds"],
    multi_process=False,
)
theirs_s = []


def in_turns(call, number):
    call()  # what follows theirs would find the caches full of other things; what follows a call is as in a case
    reading = wall_clock(call, number)
    timer = Timer("call()", globals={"call": call}, num_threads=asked["threads"])
    theirs_s.append(timer.blocked_autorange(min_run_time=reading.wall_s).median)
    return reading


with mock.patch.object(pytorch_devices, "wall_clock", in_turns):
    row = PyTorchBenchmark(args, configs=configurations(asked)).run().frame.iloc[0]
answer({"ours_s": row["time_s"], "theirs_s": statistics.median(theirs_s), "blocks": len(theirs_s)})
