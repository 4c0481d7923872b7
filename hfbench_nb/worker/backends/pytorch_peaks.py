"""PyTorch: what a device can do at most, measured: products of matrices, and copies and readings of memory."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from functools import partial

import torch

from hfbench_nb.protocol.peaks import Peaks, Rate

# Rows of the square matrices: which are fastest depends on the caches.
_ROWS_ON_CPU, _ROWS_ON_GPU = (512, 1024, 2048), (4096, 8192)
# Bytes that are copied: more than caches hold, and little beside a model.
_BYTES_ON_CPU, _BYTES_ON_GPU = 64 << 20, 1 << 30
# Each of them is repeated for so long.
_SPAN_S = 0.25
# Larger matrices are not tried where a product takes longer: some processors compute float16 a thousand times slower.
_LONGEST_S = 0.1


def measure_peaks(device: torch.device, dtype: torch.dtype, synchronize: Callable[[], object] | None) -> Peaks:
    """Return the largest rates of a device, for a data type and the threads that PyTorch uses now.

    Parameters
    ----------
    device, dtype
        Where, and of what type the numbers are.
    synchronize
        Waits for the device; None for a CPU.
    """
    on_cpu = device.type == "cpu"
    with torch.inference_mode():
        products = list(_products(_ROWS_ON_CPU if on_cpu else _ROWS_ON_GPU, device, dtype, synchronize))
        moves = list(_moves(_BYTES_ON_CPU if on_cpu else _BYTES_ON_GPU, device, dtype, synchronize))
    best, fastest = (max(rates, key=lambda rate: rate.best) for rates in (products, moves))
    return Peaks(best, fastest, str(dtype).removeprefix("torch."))


def _products(
    sizes: tuple[int, ...], device: torch.device, dtype: torch.dtype, synchronize: Callable[[], object] | None
) -> Iterator[Rate]:
    for rows in sizes:
        left, right = (torch.rand(rows, rows, device=device).to(dtype) for _ in range(2))
        product = torch.empty(rows, rows, device=device, dtype=dtype)
        amount = 2 * rows**3 / 1e9
        rate = _rate(partial(torch.mm, left, right, out=product), amount, synchronize)
        yield rate
        if amount / rate.best > _LONGEST_S:
            return


def _moves(
    size: int, device: torch.device, dtype: torch.dtype, synchronize: Callable[[], object] | None
) -> Iterator[Rate]:
    source = torch.zeros(size, dtype=torch.uint8, device=device)
    target = torch.empty_like(source)
    yield _rate(lambda: target.copy_(source), 2 * size / 1e9, synchronize)
    # What decoding does: read a matrix, for a product with a vector.
    columns = 4096
    matrix = source.view(dtype).view(-1, columns)
    vector = torch.zeros(columns, dtype=dtype, device=device)
    yield _rate(lambda: torch.mv(matrix, vector), size / 1e9, synchronize)


def _rate(work: Callable[[], object], amount: float, synchronize: Callable[[], object] | None) -> Rate:
    """Return the best and the median rate of a piece of work that does or moves so much."""
    rates: list[float] = []
    start = time.perf_counter()
    while not rates or time.perf_counter() - start < _SPAN_S:
        begun = time.perf_counter()
        work()
        if synchronize is not None:
            synchronize()
        rates.append(amount / (time.perf_counter() - begun))
    rates.sort()
    return Rate(rates[-1], rates[len(rates) // 2], rates[0])
