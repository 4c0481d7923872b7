"""TensorFlow: random weights without drawing them, and their memory apart from what TensorFlow notes of them."""

from __future__ import annotations

import contextlib
import ctypes
import mmap
from collections.abc import Iterable, Iterator
from typing import Any
from unittest import mock

import numpy as np
import tensorflow as tf
import tf_keras

_INITIALIZERS = ("TruncatedNormal", "RandomNormal", "RandomUniform", "VarianceScaling", "Orthogonal")
# Spread of the random weights, as most models are initialised.
_STD = 0.02
# Weights are filled by copying a block of this many random numbers: it stays in the processor's cache.
_BLOCK_NUMBERS = 1 << 16

Numbers = np.ndarray[Any, Any]


class RandomWeights:
    """The weights of a model that its initialisers would draw at random: they copy a block of numbers instead.

    Parameters
    ----------
    seed
        Of the block's numbers.
    """

    def __init__(self, seed: int) -> None:
        self._block = np.random.default_rng(seed).normal(0.0, _STD, _BLOCK_NUMBERS).astype(np.float32)
        self._taken_back: list[Numbers] = []

    @contextlib.contextmanager
    def initialised(self, *, on_host: bool) -> Iterator[None]:
        """Let random initialisers give the block's numbers meanwhile, again and again."""

        def initialise(initializer: Any, shape: Any, dtype: Any = None, **kwargs: Any) -> Any:
            if not on_host or dtype not in (None, tf.float32):
                return tf.constant(np.resize(self._block, tuple(shape)), dtype or tf.float32)
            tensor = tf.raw_ops.Empty(shape=tuple(shape), dtype=tf.float32)
            self._fill(_memory_of(tensor))
            return tensor

        with contextlib.ExitStack() as patches:
            for name in _INITIALIZERS:
                patches.enter_context(mock.patch.object(getattr(tf_keras.initializers, name), "__call__", initialise))
            yield

    def take_back(self, variables: Iterable[Any]) -> None:
        """Give the memory of the variables that hold the block's numbers back to Linux until `fill`."""
        for variable in variables:
            # Not by an operation that writes into a part of a variable: it would make each later read of it a copy.
            memory = _memory_of(tf.raw_ops.ReadVariableOp(resource=variable.handle, dtype=variable.dtype))
            if memory.dtype == np.float32 and self._fills(memory):
                self._taken_back.append(memory)
                first, end = memory.ctypes.data, memory.ctypes.data + memory.nbytes
                start, stop = -(-first // mmap.PAGESIZE) * mmap.PAGESIZE, end // mmap.PAGESIZE * mmap.PAGESIZE
                if start < stop:
                    ctypes.CDLL(None).madvise(ctypes.c_void_p(start), ctypes.c_size_t(stop - start), mmap.MADV_DONTNEED)

    def fill(self) -> None:
        """Fill the memory that was taken back."""
        for memory in self._taken_back:
            self._fill(memory)
        self._taken_back.clear()

    def _fill(self, memory: Numbers) -> None:
        for part in self._parts(memory):
            part[...] = self._block[: part.shape[-1]]

    def _fills(self, memory: Numbers) -> bool:
        return all(bool((part == self._block[: part.shape[-1]]).all()) for part in self._parts(memory))

    def _parts(self, memory: Numbers) -> tuple[Numbers, Numbers]:
        """Give the memory as whole blocks, a row each, and what is left."""
        whole = len(memory) // len(self._block) * len(self._block)
        return memory[:whole].reshape(-1, len(self._block)), memory[whole:]


def _memory_of(tensor: Any) -> Numbers:
    """Give the numbers of a tensor on the host, to be written to: its own memory, flat."""
    seen = np.asarray(memoryview(tensor))
    memory = (ctypes.c_ubyte * seen.nbytes).from_address(seen.ctypes.data)
    return np.ctypeslib.as_array(memory).view(seen.dtype)
