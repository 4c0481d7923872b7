"""Nothing that was read is run, and nobody can connect."""

from __future__ import annotations

import ast
import contextlib
import json
import os
import pickle
from pathlib import Path

import psutil
import pytest
from support.models import short, tiny_bert

import hfbench_nb
from hfbench_nb import ArgumentError, PyTorchBenchmark, load_results, read_csv
from hfbench_nb.storage.journal import FILE_NAME

PACKAGE = Path(hfbench_nb.__file__).parent
RUNS_DATA = {"eval", "exec", "compile", "__import__", "load", "loads", "read_pickle", "Unpickler", "unsafe_load"}
HARMLESS = {"json.loads", "json.load", "re.compile"}
# The calls of these names that there are, and what they run.
ALLOWED = {
    ("worker/workloads/function.py", "pickle.loads"): "the user's own function, which came by the pipe",
    ("worker/workloads/own_functions.py", "pickle.loads"): "the user's own functions, which came by the pipe",
    ("worker/workloads/model_pass.py", "OwnFunctions.load"): "our own function, which unpickles those",
    (
        "worker/backends/pytorch_runtime.py",
        "pytorch_pretrained.load",
    ): "our own function, which asks Transformers for a checkpoint",
    ("worker/backends/model_classes.py", "pickle.loads"): "the user's own configuration, which came by the pipe",
    ("worker/backends/pytorch_compile.py", "model.compile"): "PyTorch's own, of the model that is measured",
    ("worker/cell_code.py", "compile"): "the user's own cell",
    ("worker/cell_code.py", "exec"): "the user's own cell",
    (
        "worker/backends/__init__.py",
        "import_module(module).load",
    ): "our own function, by the table beside it",
}


def calls_that_run_data():
    for path in PACKAGE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Call):
                name = ast.unparse(node.func)
                if name.rpartition(".")[2] in RUNS_DATA and name not in HARMLESS:
                    yield path.relative_to(PACKAGE).as_posix(), name


def test_nothing_is_evaluated_or_unpickled_but_what_comes_by_the_pipe():
    assert set(calls_that_run_data()) == set(ALLOWED)


class Payload:
    def __init__(self, target):
        self.target = target

    def __reduce__(self):
        return os.mkdir, (self.target,)


def test_a_planted_pickle_does_not_run(tmp_path):
    target = tmp_path / "ran"
    payload = pickle.dumps(Payload(str(target)))
    (tmp_path / FILE_NAME).write_bytes(payload)
    (tmp_path / "config.json").write_bytes(payload)
    with pytest.raises(ArgumentError):
        load_results(tmp_path)
    with pytest.raises(ArgumentError):
        read_csv(tmp_path / FILE_NAME)
    with pytest.raises(ArgumentError):
        PyTorchBenchmark(short(models=[str(tmp_path)]))
    assert not target.exists()


def test_a_configuration_that_names_a_pickle_does_not_run_it(tmp_path):
    target = tmp_path / "ran"
    config = {**tiny_bert().to_dict(), "pickled": pickle.dumps(Payload(str(target)), 0).decode("latin1")}
    (tmp_path / "config.json").write_text(json.dumps(config))
    assert list(PyTorchBenchmark(short(models=[str(tmp_path)], speed=False)).run().frame["status"]) == ["ok"]
    assert not target.exists()


def test_code_beside_a_known_model_is_not_imported_unless_it_is_trusted(tmp_path):
    target = tmp_path / "ran"
    code = {"AutoConfig": "own.OwnConfig", "AutoModel": "own.OwnModel"}
    (tmp_path / "config.json").write_text(json.dumps({**tiny_bert().to_dict(), "auto_map": code}))
    (tmp_path / "own.py").write_text(f"import os\nos.mkdir({str(target)!r})\n")
    found = PyTorchBenchmark(short(models=[str(tmp_path)], speed=False)).run()
    assert list(found.frame["status"]) == ["ok"], list(found.frame["error"])
    assert not target.exists()


def test_no_process_listens_on_the_network():
    listening, processes = [], set()

    class Watching:
        refresh_s = 0.0

        def __getattr__(self, name):
            return self._look

        def _look(self, *args, **kwargs):
            for process in [psutil.Process(), *psutil.Process().children(recursive=True)]:
                with contextlib.suppress(psutil.NoSuchProcess):
                    look = getattr(process, "net_connections", None) or process.connections  # psutil before 6.0
                    connections = look("inet")
                    processes.add(process.pid)
                    listening.extend(c for c in connections if c.status == psutil.CONN_LISTEN)

    PyTorchBenchmark(short(), configs=[tiny_bert()]).run(display=Watching())
    assert len(processes) >= 3  # this one, the server, its children
    assert listening == []
