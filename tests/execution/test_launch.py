"""What surrounds a worker: folders, modules that cannot be imported, limits of the system; with real processes."""

from __future__ import annotations

import os
import sys

import psutil
import pytest
from support.fresh import measure_in_fresh_interpreters
from support.light import SIZES
from support.models import short, tiny_bart, tiny_bert, tiny_gpt2, tiny_t5
from support.processes import run_script
from transformers import ElectraConfig, RobertaConfig

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
import importlib.abc, sys, time

class Panic(BaseException):
    pass

ERRORS = {"bert": RuntimeError, "gpt2": SystemExit, "t5": Panic, "bart": ImportError}

class Finder(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        family = name.rpartition(".modeling_")[2]
        if family == "electra":
            time.sleep(600)
        if family in ERRORS and name == f"transformers.models.{family}.modeling_{family}":
            raise ERRORS[family]("operator torchvision::nms does not exist")

sys.meta_path.insert(0, Finder())
"""


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """Make a folder with which the code of four model types raises an error each, and that of one never loads."""
    folder = tmp_path_factory.mktemp("site")
    (folder / "sitecustomize.py").write_text(SITECUSTOMIZE)
    return str(folder)


@pytest.fixture
def with_broken_models(site, monkeypatch):
    monkeypatch.setenv("PYTHONPATH", site, prepend=os.pathsep)


def errors_of(configs, on_case=lambda case, found: None, **given):
    """Measure models; return the status and the error of each, by its type."""
    args = short(models=[config.model_type for config in configs], **given)
    frame = PyTorchBenchmark(args, configs=configs).run(on_case=on_case).frame
    return {row.model: (row.status, row.error) for row in frame.itertuples()}


def test_code_of_a_model_that_cannot_be_imported_is_named_in_its_row(with_broken_models):
    """As with a torchvision that was built for another PyTorch."""
    found = errors_of([tiny_bert(), tiny_gpt2(), RobertaConfig(**SIZES), tiny_t5(), tiny_bart()])
    assert found.pop("roberta") == ("ok", "")
    assert set(found) == {"bert", "gpt2", "t5", "bart"}
    for status, error in found.values():
        assert status == "error"
        assert "operator torchvision::nms does not exist" in error


def test_code_of_a_model_that_cannot_be_imported_is_named_in_a_fresh_interpreter_too(with_broken_models, monkeypatch):
    measure_in_fresh_interpreters(monkeypatch)
    status, error = errors_of([tiny_t5()])["t5"]
    assert status == "error"
    assert "operator torchvision::nms does not exist" in error


def test_code_that_never_loads_costs_its_row_and_not_the_server(with_broken_models):
    servers = []

    def note(case, found):
        servers.append({process.pid for process in psutil.Process().children()})

    found = errors_of([RobertaConfig(**SIZES), ElectraConfig(**SIZES), tiny_t5()], note, timeout_s=4.0)
    assert [status for status, _ in found.values()] == ["ok", "timeout", "error"]
    assert servers[0] == servers[1] == servers[2]


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
    # Which call fails first depends on how much address space the stacks leave: the one of libgomp that says so, or one
    # that needs a further page of stack for it.
    ends = ["ended with exit code 1 and without a reply; its last output: libgomp: ", "was ended by SIGSEGV"]
    assert any(done.stdout.startswith(f"['crashed', 'ok'] ProcessError: the worker {end}") for end in ends), done.stderr
