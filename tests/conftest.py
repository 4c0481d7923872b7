"""What several test modules need: tiny models, short measurements, no process left behind."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from typing import Any

import matplotlib as mpl
import psutil
import pytest

# Small machines run small models fastest on one thread, and without a screen nothing may try to open a window.
os.environ["OMP_NUM_THREADS"] = "1"
mpl.use("agg")

from hfbench_nb import PyTorchBenchmarkArguments
from hfbench_nb.isolation.client import close_all


@pytest.fixture(scope="session", autouse=True)
def no_process_is_left() -> Iterator[None]:
    yield
    close_all()
    assert psutil.Process().children(recursive=True) == []


@pytest.fixture(autouse=True)
def cache_folder(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.getbasetemp() / "cache"))


def runs(pid: int) -> bool:
    """Tell whether a process runs: one that has ended may stay listed until its parent takes note."""
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def wait_until(condition: Callable[[], bool], seconds: float = 5.0) -> bool:
    """Wait for a condition, for so long at most; tell whether it came true."""
    deadline = time.monotonic() + seconds
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.02)
    return condition()


def short(**given: Any) -> PyTorchBenchmarkArguments:
    """Arguments of a run that is over quickly."""
    return PyTorchBenchmarkArguments(
        **{
            "models": ["tiny"],
            "batch_sizes": [1],
            "sequence_lengths": [8],
            "max_seconds": 0.05,
            "timeout_s": 60.0,
            **given,
        }
    )


def tiny_bert(**given: Any) -> Any:
    from transformers import BertConfig

    sizes = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 64}
    return BertConfig(**{**sizes, "vocab_size": 100, "max_position_embeddings": 64, **given})


def tiny_gpt2(**given: Any) -> Any:
    from transformers import GPT2Config

    sizes = {"n_embd": 32, "n_layer": 2, "n_head": 2, "n_positions": 64, "vocab_size": 100}
    return GPT2Config(**{**sizes, "bos_token_id": 0, "eos_token_id": 0, **given})


def tiny_t5(**given: Any) -> Any:
    from transformers import T5Config

    sizes = {"d_model": 32, "d_kv": 16, "d_ff": 64, "num_layers": 2, "num_heads": 2, "vocab_size": 100}
    return T5Config(**{**sizes, "decoder_start_token_id": 0, **given})


def tiny_bart(**given: Any) -> Any:
    from transformers import BartConfig

    sizes = {"d_model": 32, "encoder_layers": 2, "decoder_layers": 2, "vocab_size": 100, "max_position_embeddings": 64}
    heads = {"encoder_attention_heads": 2, "decoder_attention_heads": 2, "encoder_ffn_dim": 64, "decoder_ffn_dim": 64}
    return BartConfig(**{**sizes, **heads, **given})
