"""TensorFlow: random weights without drawing each, and their memory separated from TensorFlow's own data."""

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
# Standard deviation of the random weights, as most models initialise them.
_STD = 0.02
# Weights are filled by copying a block of this many random numbers, which stays in the processor's cache.
_BLOCK_NUMBERS = 1 << 16

Numbers = np.ndarray[Any, Any]


class RandomWeights:
    """The weights that a model's initialisers would draw at random, filled by copying a block of numbers instead.

    Parameters
    ----------
    seed
        Seed of the block's numbers.
    """

    def __init__(self, seed: int) -> None:
        self._block = np.random.default_rng(seed).normal(0.0, _STD, _BLOCK_NUMBERS).astype(np.float32)
        self._taken_back: list[Numbers] = []

    @contextlib.contextmanager
    def initialised(self, *, on_host: bool) -> Iterator[None]:
        """Make random initialisers return repeated copies of the block while the context lasts."""

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
        """Return the memory of the variables that hold the block's numbers to Linux until `fill`."""
        for variable in variables:
            # Not by an operation that writes to part of a variable: each later read of the variable would copy it.
            memory = _memory_of(tf.raw_ops.ReadVariableOp(resource=variable.handle, dtype=variable.dtype))
            if memory.dtype == np.float32 and self._fills(memory):
                self._taken_back.append(memory)
                first, end = memory.ctypes.data, memory.ctypes.data + memory.nbytes
                start, stop = -(-first // mmap.PAGESIZE) * mmap.PAGESIZE, end // mmap.PAGESIZE * mmap.PAGESIZE
                if start < stop:
                    ctypes.CDLL(None).madvise(ctypes.c_void_p(start), ctypes.c_size_t(stop - start), mmap.MADV_DONTNEED)

    def fill(self) -> None:
        """Refill the memory that `take_back` released."""
        for memory in self._taken_back:
            self._fill(memory)
        self._taken_back.clear()

    def _fill(self, memory: Numbers) -> None:
        for part in self._parts(memory):
            part[...] = self._block[: part.shape[-1]]

    def _fills(self, memory: Numbers) -> bool:
        return all(bool((part == self._block[: part.shape[-1]]).all()) for part in self._parts(memory))

    def _parts(self, memory: Numbers) -> tuple[Numbers, Numbers]:
        """Return the memory as whole blocks, one per row, and the remainder."""
        whole = len(memory) // len(self._block) * len(self._block)
        return memory[:whole].reshape(-1, len(self._block)), memory[whole:]


def _memory_of(tensor: Any) -> Numbers:
    """Return the memory of a tensor on the host as a flat, writable array."""
    seen = np.asarray(memoryview(tensor))
    memory = (ctypes.c_ubyte * seen.nbytes).from_address(seen.ctypes.data)
    return np.ctypeslib.as_array(memory).view(seen.dtype)
