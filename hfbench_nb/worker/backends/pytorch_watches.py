"""PyTorch: what is watched while a model is called for the first time, so that there is something to tell of it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import torch

from hfbench_nb.worker.backends.library_log import hear_of_slow_code
from hfbench_nb.worker.backends.pytorch_attention import AttentionWatch, name_kernels
from hfbench_nb.worker.backends.pytorch_compile import Compilation
from hfbench_nb.worker.backends.pytorch_parts import PartsWatch


class FirstPass:
    """What a model's first pass shows.

    Attributes
    ----------
    parts
        Which parts of the model run.
    follows_attention
        Whether attention really chooses a kernel.
    """

    def __init__(self) -> None:
        self.parts = PartsWatch()
        self.follows_attention = True
        self._attention = AttentionWatch()

    @contextmanager
    def watching(self, compilation: Compilation | None) -> Iterator[list[str]]:
        """Watch, and collect what there is to tell; of a compiled model, only what the compiler does not see."""
        with ExitStack() as watches:
            heard = watches.enter_context(hear_of_slow_code())
            if compilation is None:  # which would compile what watches, too
                watches.enter_context(self.parts.watching())
                watches.enter_context(self._attention.watching())
            yield heard
        heard += self.parts.notes()

    def attention_kernels(self, model: torch.nn.Module, compilation: Compilation | None) -> tuple[str, ...]:
        """Return which attention kernels have run."""
        if not self.follows_attention:
            return ()
        chosen = self._attention.kernels() if compilation is None else compilation.attention_kernels()
        return name_kernels(chosen, model)
