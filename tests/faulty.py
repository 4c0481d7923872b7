"""A model that fails in a way that its configuration names."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from typing import Any

import torch
from transformers import AutoModel, PretrainedConfig, PreTrainedModel


class FaultyConfig(PretrainedConfig):
    model_type = "hfbench-faulty"

    def __init__(self, fault: str = "none", **kwargs: Any) -> None:
        self.fault = fault
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
        subprocess.Popen(["sleep", "600"])
        os._exit(4)


AutoModel.register(FaultyConfig, FaultyModel)
