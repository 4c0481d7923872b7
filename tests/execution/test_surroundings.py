"""What surrounds a worker: folders, modules that cannot be imported, limits of the system; with real processes."""

from __future__ import annotations

import os
import sys

import pytest
from support.models import short, tiny_bert, tiny_gpt2
from support.processes import run_script

from hfbench_nb import PyTorchBenchmark

pytestmark = [
    pytest.mark.measures,
    pytest.mark.skipif(sys.platform != "linux", reason="forks, limits and deleted folders as Linux has them"),
]


def test_what_a_notebook_defines_travels_and_foreign_modules_stay_out(tmp_path):
    """The notebook's folder has a `json.py`, and a module that the measured function uses."""
    (tmp_path / "json.py").write_text("open('foreign', 'w'); raise SystemExit(3)\n")
    (tmp_path / "own.py").write_text("def value(): return 42\n")
    code = """
        import json, os, sys
        sys.path.insert(0, "")  # as Jupyter does, once it has imported what it needs
        os.chdir(sys.argv[1])
        from hfbench_nb import measure
        import own
        folder = os.getcwd()
        def function():
            assert own.value() == 42 and os.getcwd() == folder
        print(*measure(function, max_seconds=0.05).frame["status"])
    """
    done = run_script(code, tmp_path)
    assert done.stdout == "ok\n", done.stderr
    assert not (tmp_path / "foreign").exists()


def test_a_notebook_whose_folder_was_deleted_measures_models_and_functions(tmp_path, model):
    code = """
        import os, sys
        from support.models import short
        gone, model = sys.argv[1:]
        sys.path.insert(0, "")
        os.chdir(gone)
        os.rmdir(gone)
        from hfbench_nb import PyTorchBenchmark, measure
        print(*PyTorchBenchmark(short(models=[model])).run().frame["status"])
        print(*measure(sum, setup=lambda: [1, 2], max_seconds=0.05).frame["status"])
    """
    (tmp_path / "gone").mkdir()
    done = run_script(code, tmp_path / "gone", model)
    assert done.stdout == "ok\nok\n", done.stderr


SITECUSTOMIZE = """
import importlib.abc, sys

class Panic(BaseException):
    pass

class Finder(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        if name == "transformers.models.bert.modeling_bert":
            raise {error}("operator torchvision::nms does not exist")

sys.meta_path.insert(0, Finder())
"""


@pytest.mark.parametrize(
    ("error", "fresh"),
    [("RuntimeError", "0"), ("SystemExit", "0"), ("Panic", "0"), ("ImportError", "0"), ("Panic", "1")],
)
def test_code_of_a_model_that_cannot_be_imported_is_named_in_its_row(error, fresh, tmp_path, monkeypatch):
    """As with a torchvision that was built for another PyTorch."""
    (tmp_path / "sitecustomize.py").write_text(SITECUSTOMIZE.format(error=error))
    monkeypatch.setenv("PYTHONPATH", str(tmp_path), prepend=os.pathsep)
    monkeypatch.setenv("HFBENCH_FRESH_INTERPRETER", fresh)
    args = short(models=["broken", "intact"])
    results = PyTorchBenchmark(args, configs=[tiny_bert(), tiny_gpt2()]).run()
    assert list(results.frame["status"]) == ["error", "ok"], list(results.frame["error"])
    assert "operator torchvision::nms does not exist" in results.frame["error"][0]


def test_more_threads_than_the_system_allows_cost_their_row_alone():
    code = """
        import resource
        resource.setrlimit(resource.RLIMIT_AS, (16 << 30, 16 << 30))  # each thread needs address space for its stack
        from support import light
        from support.models import short
        from hfbench_nb import PyTorchBenchmark
        frame = PyTorchBenchmark(short(models=[light.bert()], threads=[8000, 1])).run().frame
        print(list(frame["status"]), frame["error"][0])
    """
    done = run_script(code, env={**os.environ, "OMP_NUM_THREADS": "1"})
    assert done.stdout.startswith("['crashed', 'ok'] ProcessError: the worker ended with exit code 1"), done.stderr
    assert "its last output: libgomp: " in done.stdout  # which call of it fails first depends on the machine
