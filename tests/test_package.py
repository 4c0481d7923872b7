"""The package as it is installed and imported."""

from __future__ import annotations

import ast
import copyreg
import dataclasses
import inspect
import pydoc
import re
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from IPython.core.completer import provisionalcompleter

import hfbench_nb
from hfbench_nb import ArgumentError, PyTorchBenchmarkArguments, TensorFlowBenchmarkArguments

HEAVY = ["torch", "tensorflow", "transformers", "pandas", "matplotlib", "ipywidgets", "IPython", "numpy"]


def in_child(code):
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip()


def test_importing_loads_nothing_heavy():
    assert in_child(f"import hfbench_nb, sys; print([m for m in {HEAVY} if m in sys.modules])") == "[]"


def test_making_arguments_loads_nothing_heavy():
    code = f"from hfbench_nb import PyTorchBenchmarkArguments as A; A(models=['a']); import sys; print([m for m in {HEAVY} if m in sys.modules])"  # noqa: E501
    assert in_child(code) == "[]"


def test_what_the_measuring_process_imports_of_ours_needs_the_standard_library_alone():
    code = """
import sys
from hfbench_nb.worker import server
allowed = set(sys.stdlib_module_names) | {"hfbench_nb", "__main__"}
print(sorted({name.partition(".")[0] for name in sys.modules} - allowed - {"_distutils_hack", "__editables"}))
"""
    found = in_child(code)
    assert not [name for name in eval(found) if not name.startswith(("_", "sitecustomize", "distutils"))], found


def test_public_names_are_listed_and_there():
    assert sorted(hfbench_nb.__all__) == sorted(hfbench_nb._HOMES)
    assert all(getattr(hfbench_nb, name) is not None for name in hfbench_nb.__all__)
    assert set(hfbench_nb.__all__) <= set(dir(hfbench_nb))


def test_help_is_a_page_that_names_everything():
    page = pydoc.render_doc(hfbench_nb, renderer=pydoc.plaintext).partition("PACKAGE CONTENTS")[0]
    assert len(page.splitlines()) < 70
    assert [name for name in hfbench_nb.__all__ if not re.search(rf"\b{name}\b", page)] == []


@pytest.mark.parametrize("use_jedi", [True, False])
def test_tab_shows_public_names_alone(ip, use_jedi, monkeypatch):
    ip.run_cell("import hfbench_nb").raise_error()
    monkeypatch.setattr(ip.Completer, "use_jedi", use_jedi)
    with provisionalcompleter():
        offered = {each.text.rpartition(".")[2] for each in ip.Completer.completions("hfbench_nb.", 11)}
    assert offered == set(hfbench_nb.__all__)


@pytest.mark.parametrize("kind", [PyTorchBenchmarkArguments, TensorFlowBenchmarkArguments])
def test_every_argument_is_documented_with_its_default(kind):
    documented = documented_parameters(kind)
    assert list(documented) == [found.name for found in dataclasses.fields(kind)]
    assert documented["batch_sizes"] == "by default [8]"
    assert "Batch sizes to measure." in kind.__doc__


def documented_parameters(documented):
    """Return the parameters that a docstring describes, with what stands behind their names."""
    text = inspect.cleandoc(documented.__doc__ or "")
    section = re.search(r"^Parameters\n-+\n(.*?)(?=^\S[^\n]*\n-+\n|\Z)", text, re.DOTALL | re.MULTILINE)
    heads = re.findall(r"^\S.*", section[1], re.MULTILINE) if section else []
    pairs = [head.partition(" : ") for head in heads]
    return {name.lstrip("*"): said for names, _, said in pairs for name in names.split(", ")}


def test_documentation_names_no_parameter_that_is_not_there():
    for public in hfbench_nb.__all__:
        found = getattr(hfbench_nb, public)
        members = inspect.getmembers(found, inspect.isroutine) if inspect.isclass(found) else []
        for name, member in [("", found), *((name, each) for name, each in members if not name.startswith("_"))]:
            documented = documented_parameters(member)
            if documented:
                parameters = list(inspect.signature(member).parameters)
                is_bound = inspect.isfunction(member) and inspect.isclass(found)
                assert set(documented) <= set(parameters[is_bound:]), (public, name)


def test_a_keyword_that_is_not_there_is_refused_everywhere_alike():
    for public in hfbench_nb.__all__:
        found = getattr(hfbench_nb, public)
        static = {name: inspect.getattr_static(found, name) for name in dir(found)} if inspect.isclass(found) else {}
        for name, member in (static or {public: found}).items():
            if not inspect.isfunction(member) or name.startswith(("_", "load_ipython")):
                continue
            if public.endswith(("Error", "Arguments")):
                continue  # errors are made by ours alone; arguments are refused by the fields, in their own tests
            with pytest.raises(ArgumentError, match=r"no_such_thing=1 cannot be used: .* no such argument"):
                member(no_such_thing=1)


@pytest.mark.parametrize(
    ("code", "meant"),
    [
        ("hfbench_nb.measure(sorted, max_secs=1)", "measure() has no such argument. Did you mean max_seconds?"),
        ("hfbench_nb.PyTorchBenchmark.run(None, resum='x')", "run() has no such argument. Did you mean resume?"),
        (
            "hfbench_nb.PyTorchBenchmark.estimate(None, budget=1)",
            "estimate() has no such argument. Did you mean budget_mb?",
        ),
        ("hfbench_nb.BenchmarkResults.plot(None, value='time_s')", "plot() has no such argument. Did you mean values?"),
        ("hfbench_nb.runs(folder='x')", "runs() has no such argument. It takes none."),
    ],
)
def test_a_wrong_keyword_suggests_one_of_the_function(ip, code, meant, capsys):
    ip.run_cell(f"import hfbench_nb\n{code}")
    shown = re.sub(r"\x1b\[[\d;]*m", "", "".join(capsys.readouterr()))
    assert shown.rstrip().endswith(meant)
    assert ".py" not in shown.partition("ArgumentError: ")[0]


@pytest.mark.parametrize(
    "code",
    [
        "hfbench_nb.PyTorchBenchmarkArguments(batch_size=8)",
        "hfbench_nb.panel(framework='torch')",
        "hfbench_nb.load_results('/nowhere')",
    ],
)
def test_an_error_of_use_shows_the_line_of_the_user_alone(ip, code, capsys):
    ip.run_cell(f"import hfbench_nb\n{code}")
    shown = re.sub(r"\x1b\[[\d;]*m", "", "".join(capsys.readouterr()))
    assert re.search(rf"-> 2 {re.escape(code)}\n\nArgumentError: ", shown)
    assert "site-packages" not in shown
    assert ".py" not in shown.partition("ArgumentError: ")[0]


def test_an_error_of_use_is_short_where_dask_makes_copies_of_errors_keep_their_causes(ip, capsys, monkeypatch):
    pickling = pytest.importorskip("tblib.pickling_support", reason="Dask is not installed: hfbench-nb[dask]")
    monkeypatch.setitem(copyreg.dispatch_table, ArgumentError, pickling.pickle_exception)
    test_an_error_of_use_shows_the_line_of_the_user_alone(ip, "hfbench_nb.load_results('/nowhere')", capsys)


def test_the_module_hfbench_is_installed_and_gives_the_same_names():
    assert in_child("import hfbench, hfbench_nb; print(hfbench.PyTorchBenchmark is hfbench_nb.PyTorchBenchmark)") == (
        "True"
    )


def test_a_wheel_holds_package_data_and_the_module_hfbench(tmp_path, pytestconfig):
    subprocess.run(
        [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--wheel-dir", tmp_path, pytestconfig.rootpath],
        check=True,
    )
    (wheel,) = tmp_path.glob("hfbench_nb-*.whl")
    names = zipfile.ZipFile(wheel).namelist()
    assert {"hfbench.py", "hfbench_nb/py.typed", "hfbench_nb/rendering/templates/results.html.j2"} <= set(names)
    assert "hfbench_nb/configurations/catalog/google-bert--bert-base-uncased.json" in names
    assert "hfbench_nb/storage/references/bert-base-uncased-pytorch.json" in names
    site = tmp_path / "site"
    zipfile.ZipFile(wheel).extractall(site)
    code = f"import sys; sys.path.insert(0, {str(site)!r}); import hfbench; print(hfbench.__file__, hfbench.read_csv)"
    assert in_child(code).startswith(str(site))


def test_protocol_and_worker_need_the_standard_library_alone():
    """Import-linter is told of some libraries; imports inside functions count, too."""
    package = Path(hfbench_nb.__file__).parent
    backends = package / "worker" / "backends"
    found = set()
    for path in [*(package / "protocol").rglob("*.py"), *(package / "worker").rglob("*.py")]:
        if backends in path.parents and path != backends / "__init__.py":
            continue
        for node in ast.walk(ast.parse(path.read_text())):
            names = [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            names += [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            roots = {name.partition(".")[0] for name in names}
            found |= {(path.stem, root) for root in roots - sys.stdlib_module_names - {"hfbench_nb"}}
    # Used where the system has nothing of its own: elsewhere than on Linux, and where there is an NVIDIA driver.
    assert found == {("memory", "psutil"), ("nvml", "pynvml")}
