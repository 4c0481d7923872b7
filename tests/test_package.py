"""The package as it is installed and imported."""

from __future__ import annotations

import subprocess
import sys
import zipfile

import hfbench_nb

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
