"""A model that fails in a way that its configuration names."""

from __future__ import annotations

import contextlib
import os
import resource
import signal
import stat
import subprocess
import time
from typing import Any

import torch
from transformers import AutoModel, PretrainedConfig, PreTrainedModel

from support.alone import alone


class FaultyConfig(PretrainedConfig):
    model_type = "hfbench-faulty"

    def __init__(self, fault: str = "none", place: str = "", **kwargs: Any) -> None:
        self.fault = fault
        self.place = place
        self.vocab_size = 10
        super().__init__(**kwargs)


class FaultyModel(PreTrainedModel):
    config_class = FaultyConfig

    def __init__(self, config: FaultyConfig) -> None:
        super().__init__(config)
        self.weight = torch.nn.Parameter(torch.zeros(4, 4))
        self.post_init()

    def forward(self, input_ids: torch.Tensor) -> tuple[torch.Tensor]:
        getattr(self, f"_{self.config.fault}")()
        return (self.weight.sum() * input_ids.sum(),)

    def _none(self) -> None:
        pass

    def _raises(self) -> None:
        raise RuntimeError("the model <b>is</b> broken")

    def _exits(self) -> None:
        os._exit(3)

    def _is_killed(self) -> None:
        os.kill(os.getpid(), signal.SIGKILL)

    def _segfaults(self) -> None:
        os.kill(os.getpid(), signal.SIGSEGV)

    def _hangs(self) -> None:
        time.sleep(600)

    def _prints(self) -> None:
        os.write(1, b"x" * 3_000_000)
        os.write(2, b"y" * 3_000_000)

    def _asks_for_too_much(self) -> None:
        torch.empty(1 << 60)

    def _leaves_a_process(self) -> None:
        left = subprocess.Popen(["sleep", "600"])
        if self.config.place:
            with open(f"{self.config.place}/left", "w") as file:
                file.write(str(left.pid))
        os._exit(4)

    def _stops_itself(self) -> None:
        os.kill(os.getpid(), signal.SIGSTOP)

    def _fills_its_address_space(self) -> None:
        in_use = int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize()
        resource.setrlimit(resource.RLIMIT_AS, (in_use + (64 << 20), resource.RLIM_INFINITY))
        held = []
        while True:
            held.append(torch.ones(1 << 20))

    def _closes_its_pipe(self) -> None:
        os.closerange(3, 1024)

    def _closes_everything(self) -> None:
        os.closerange(0, 1024)

    def _writes_into_its_pipe(self) -> None:
        for fd in range(3, 32):
            with contextlib.suppress(OSError):
                if stat.S_ISFIFO(os.fstat(fd).st_mode):
                    os.write(fd, b'{"event": "reply", "measurement": {"sta\n[]\n\xff\xfe')

    def _forks(self) -> None:
        """Leave a child in the process group, and a daemon, which keeps the pipe open, outside of it."""
        if not hasattr(self, "forked"):
            self.forked = subprocess.Popen(["sleep", "600"])
            if os.fork() == 0:
                os.setsid()
                if os.fork():
                    os._exit(0)
                with open(f"{self.config.place}/daemon", "w") as file:
                    file.write(str(os.getpid()))
                time.sleep(600)
            while not os.path.exists(f"{self.config.place}/daemon"):
                time.sleep(0.01)

    def _forks_and_hangs(self) -> None:
        self._forks()
        time.sleep(600)

    def _wants_to_be_alone(self) -> None:
        alone(self.config.place, self.config._name_or_path)


AutoModel.register(FaultyConfig, FaultyModel)
