"""What several test modules need: tiny models, short measurements, no process left behind."""

from __future__ import annotations

import atexit
import html.parser
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import textwrap
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import matplotlib as mpl
import psutil
import pytest

# Small machines run small models fastest on one thread, and without a screen nothing may try to open a window.
os.environ["OMP_NUM_THREADS"] = "1"
mpl.use("agg")

from hfbench_nb import PyTorchBenchmarkArguments
from hfbench_nb.execution.servers import close_all
from hfbench_nb.worker.backends.gpu import used_bytes_by_uuid

# A shell's job in the background is started deaf to interrupts, and so would be the scripts that tests interrupt.
signal.signal(signal.SIGINT, signal.default_int_handler)

# Runs that share a temporary folder take turns: these tests, with the scripts that they start, wait for nobody else's.
if not os.path.basename(tempfile.gettempdir()).startswith("hfbench-tests-"):
    tempfile.tempdir = os.environ["TMPDIR"] = tempfile.mkdtemp(prefix="hfbench-tests-")
    atexit.register(shutil.rmtree, tempfile.tempdir, ignore_errors=True)


HAS_GPU = bool(used_bytes_by_uuid())


@pytest.fixture(autouse=True)
def on_the_cpu(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Hide the GPU, if there is one, from the tests that do not ask for it: they know the figures of a CPU."""
    if HAS_GPU and request.node.get_closest_marker("gpu") is None:
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")


@pytest.fixture
def real_gpu() -> None:
    """Skip a test where there is no NVIDIA GPU."""
    if not HAS_GPU:
        pytest.skip("no NVIDIA GPU on this machine")


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


def run_script(code: str, *arguments: Any, through: Sequence[str] = (), **options: Any) -> subprocess.CompletedProcess:
    """Run code in an interpreter of its own, beside the tests; `through` is a command that starts the interpreter."""
    return subprocess.run(
        [*through, sys.executable, "-c", textwrap.dedent(code), *map(str, arguments)],
        capture_output=True, text=True, timeout=120, cwd=os.path.dirname(__file__), **options,
    )  # fmt: skip


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


class Tags(html.parser.HTMLParser):
    """What a text of HTML is made of: tags with their attributes, and texts."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.texts: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.texts.append(data.strip())


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
