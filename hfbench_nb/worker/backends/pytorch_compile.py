"""PyTorch: a model that `torch.compile` compiles, by a cold compiler, and what there is to tell of that."""

from __future__ import annotations

import importlib
import os
import re
import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import torch

from hfbench_nb.protocol.case import Settings
from hfbench_nb.protocol.errors import message_of
from hfbench_nb.protocol.request import Method
from hfbench_nb.worker.backends.base import ModelError

# What the compiler imports once it is used: libraries are baseline.
_MODULES = (
    "torch._dynamo",
    "torch._inductor.compile_fx",
    "torch._inductor.async_compile",
    "torch._inductor.codegen.cpp",
)
# The modes that record a call and play it again, which hides the cost of launching its kernels; on NVIDIA's GPUs.
_RECORDING = ("reduce-overhead", "max-autotune")
# More than a case ever has; by default the compiler keeps the last 64.
_MOST_RECORDS = 10_000
_LONGEST_REASON = 160
# Whether what a process has learned of sizes that vary is stored: later rounds would compile otherwise than the first.
_LEARNING = "automatic_dynamic_local_pgo"
# Where headers are that it compiles for its C++ code: by default always in the user's folder.
_HEADERS = ("_HEADER_DIR", "_HEADER_LOCK_DIR")

_ITS_ERRORS = ("torch._dynamo.", "torch._inductor.", "torch.fx.", "torch._functorch.")
_ATTENTION = re.compile(r"\._scaled_dot_product_(flash|efficient|cudnn)_attention(_for_cpu)?")
_KERNELS = {"flash": "flash", "efficient": "memory-efficient", "cudnn": "cuDNN"}
_NO_COMPILER = re.compile(r"No working C\+\+ compiler|Compiler: .* is not found|Failed to find C compiler")
_NO_TRITON = re.compile(r"Cannot find a working triton|triton.*(not installed|No module)", re.IGNORECASE)
_OVERWRITTEN = "overwritten by a subsequent run"

Call = Callable[[], object]


class Compilation:
    """The compiler, imported, and ready for the model of one case.

    Parameters
    ----------
    mode
        A mode of `torch.compile`.
    device
        Where the model is.
    method
        How the case is measured: its first round begins with a compiler that has compiled nothing; the others find
        what that has made, since compiling again would take their time and tell nothing.
    """

    def __init__(self, mode: str, device: torch.device, method: Method) -> None:
        self.mode = mode
        self._device, self._is_used = device, False
        self._folder = _CompilerFolder(method)
        try:
            for name in _MODULES:
                importlib.import_module(name)
            self._records: Any = importlib.import_module("torch._dynamo.utils")
            self._code: Any = importlib.import_module("torch._inductor.codecache")
            headers = str(self._folder.path / "headers")
            self._before = [
                *_set(importlib.import_module("torch._dynamo.config"), _LEARNING, False),
                *(before for name in _HEADERS for before in _set(self._code, name, headers)),
            ]
            self._forget()
            self._records.set_compilation_metrics_limit(_MOST_RECORDS)
        except BaseException:
            self._folder.close(was_used=False)
            raise

    @classmethod
    def of(cls, settings: Settings, device: torch.device, method: Method) -> Compilation | None:
        """Return the compiler that the settings ask for; None if they ask for none.

        Raises
        ------
        NotImplementedError
            If there is none for the device.
        """
        mode = str(settings.get("compile", "none"))
        if mode != "none" and device.type == "xla":
            raise NotImplementedError(f"compile={mode!r} cannot be used on a TPU: torch_xla compiles by itself")
        return None if mode == "none" else cls(mode, device, method)

    def follow(self, model: torch.nn.Module) -> None:
        """Let a model be compiled when it is called for the first time."""
        model.compile(mode=self.mode)
        self._is_used = True

    def begin_step(self) -> None:
        """Tell a recording that what the last call has returned is not needed any more."""
        if self._records_calls:
            torch.compiler.cudagraph_mark_step_begin()  # type: ignore[no-untyped-call]

    def stepping(self, call: Call) -> Call:
        """Return a call that begins with a new step."""
        if not self._records_calls:
            return call

        def step() -> object:
            self.begin_step()
            return call()

        return step

    @property
    def _records_calls(self) -> bool:
        return self._device.type == "cuda" and self.mode in _RECORDING

    @property
    def _graph_breaks(self) -> dict[str, int]:
        """How often the compiler gave control back to Python, by its reason."""
        return {reason: count for reason, count in self._records.counters["graph_break"].items() if count > 0}

    def _reasons(self, name: str) -> list[str]:
        """Return a field of the records of what was compiled, where there is one."""
        found = (getattr(record, name, None) for record in self._records.get_compilation_metrics())
        return [str(reason) for reason in found if reason]

    @property
    def details(self) -> dict[str, Any]:
        """How often the compiler had to compile, how often again, and how often it gave control back to Python."""
        return {
            "compiled_graphs": int(self._records.counters["stats"]["unique_graphs"]),
            "graph_breaks": sum(self._graph_breaks.values()),
            "recompilations": len(self._reasons("recompile_reason")),
        }

    def attention_kernels(self) -> Iterator[str]:
        """Yield the attention kernels that the code calls which the compiler has written."""
        for path in sorted(self._folder.path.rglob("*.py")):
            for found in _ATTENTION.finditer(path.read_text(encoding="utf-8", errors="replace")):
                kind, of_cpu = found.groups()
                yield f"{_KERNELS[kind]} (CPU)" if of_cpu else _KERNELS[kind]

    def notes(self) -> list[str]:
        """Tell what a reader of the metrics should know, once the model was called."""
        found, again, failed = self.details, self._reasons("recompile_reason"), self._reasons("fail_reason")
        notes = []
        if not found["compiled_graphs"]:
            notes.append(f"compile={self.mode!r} compiled nothing")
        if found["graph_breaks"]:
            notes.append(_told(found["graph_breaks"], "graph break", next(iter(self._graph_breaks))))
        if again:
            notes.append(_told(len(again), "recompilation", again[0]))
        if failed:
            notes.append(_told(len(failed), "part", failed[0], more=" not compiled"))
        if self.mode == "reduce-overhead" and self._device.type == "cpu":
            notes.append("compile='reduce-overhead' does what 'default' does on a CPU: CUDA graphs need a GPU")
        skipped = int(self._records.counters["inductor"]["cudagraph_skips"])
        if skipped:
            notes.append(f"{skipped} of the compiled graphs not recorded as a CUDA graph")
        return notes

    def explain(self, error: Exception, name: str) -> Exception | None:
        """Return what is reported instead of an error of the compiler; None for another.

        Parameters
        ----------
        error
            What was raised.
        name
            Name of the model.
        """
        chain = list(_chain(error))
        text = " ".join(message_of(each) for each in chain)
        advice = "compile='none' runs the model as it is"
        if _NO_COMPILER.search(text):
            return ModelError(
                f"compile={self.mode!r} needs a C++ compiler, and the worker finds none on its PATH: install one (apt "
                f"install g++, or build tools of your system), or name it by the variable CXX; {advice}"
            )
        if _NO_TRITON.search(text):
            return ModelError(
                f"compile={self.mode!r} needs Triton on a GPU, and the worker finds none: pip install triton; {advice}"
            )
        if _OVERWRITTEN in text:
            return ModelError(
                f"compile={self.mode!r}: a CUDA graph overwrites what {name} keeps from one pass to the next; for "
                f"generation, cache_implementation='static' avoids that, and so does compile='default'; {advice}"
            )
        found = next((each for each in reversed(chain) if type(each).__module__.startswith(_ITS_ERRORS)), None)
        if found is None:
            return None
        said = f"{type(found).__name__}: {_short(message_of(found))}"
        return ModelError(f"compile={self.mode!r}: PyTorch {torch.__version__} cannot compile {name}: {said}; {advice}")

    def close(self) -> None:
        """Stop the compiler's processes, and forget what was compiled."""
        importlib.import_module("torch._inductor.async_compile").shutdown_compile_workers()
        self._forget()
        for module, name, value in self._before:
            setattr(module, name, value)
        self._folder.close(was_used=self._is_used)

    def _forget(self) -> None:
        torch._dynamo.reset()
        self._records.counters.clear()
        self._records.clear_compilation_metrics()
        # Places in the folder of a case before.
        importlib.import_module("torch._inductor.utils").clear_caches()
        if hasattr(self._code, "_precompile_header"):
            self._code._precompile_header.cache_clear()


def _set(module: Any, name: str, value: Any) -> Iterator[tuple[Any, str, Any]]:
    """Set a value of a module, if it has one of that name; yield what restores it."""
    if hasattr(module, name):
        yield module, name, getattr(module, name)
        setattr(module, name, value)


class _CompilerFolder:
    """Where the compiler keeps what it makes, in place of the user's own folders, which stay as they are.

    Parameters
    ----------
    method
        Names the folder that the rounds of the case share, and says which round this is.

    Attributes
    ----------
    path
        The folder.
    """

    def __init__(self, method: Method) -> None:
        self._is_own, self._is_last = not method.scratch, method.round >= method.rounds
        self.path = Path(method.scratch or tempfile.mkdtemp(prefix="hfbench_nb_"), "compiled")
        if method.round == 1:
            shutil.rmtree(self.path, ignore_errors=True)
        self.path.mkdir(parents=True, exist_ok=True)
        variables = {name: str(self.path) for name in ("TORCHINDUCTOR_CACHE_DIR", "TRITON_CACHE_DIR")}
        self._before = {name: os.environ.get(name) for name in variables}
        os.environ.update(variables)

    def close(self, *, was_used: bool) -> None:
        """Restore the environment; remove the folder if no later round needs what is in it."""
        for name, value in self._before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value
        if self._is_own or (self._is_last and was_used):
            shutil.rmtree(self.path.parent, ignore_errors=True)


def _chain(error: BaseException) -> Iterator[BaseException]:
    """Yield an error and those that it was raised from, the first of which comes last."""
    found: BaseException | None = error
    while found is not None:
        yield found
        found = found.__cause__ or found.__context__


def _told(count: int, what: str, reason: str, more: str = "") -> str:
    if count == 1:
        return f"1 {what}{more}: {_short(reason)}"
    return f"{count} {what}s{more}, the first: {_short(reason)}"


def _short(reason: str) -> str:
    """Return the beginning of what the compiler says, on one line."""
    lines = [" ".join(line.split()) for line in reason.strip().splitlines() if line.strip()]
    text = ": ".join(lines[:2]) if lines and lines[0].endswith(":") else (lines or [""])[0]
    return text if len(text) <= _LONGEST_REASON else f"{text[:_LONGEST_REASON]}..."
