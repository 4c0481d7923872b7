"""Which packages are installed, found by their names alone."""

from __future__ import annotations

import sys

import pytest

from hfbench_nb.execution.requirements import installed_versions


def install(folder, name, metadata=""):
    place = folder / f"{name}.dist-info"
    place.mkdir(parents=True)
    if metadata:
        (place / "METADATA").write_text(f"Metadata-Version: 2.1\n{metadata}\n")


@pytest.mark.parametrize("finder", ["importlib.metadata", "importlib_metadata"])
def test_packages_are_found_by_any_spelling_of_their_name_and_leftovers_are_not(finder, tmp_path, monkeypatch):
    pytest.importorskip(finder)  # from then on, the second of them is asked, too
    here, overlay = tmp_path / "here", tmp_path / "overlay"
    install(here, "Tf_Keras-2.21.0", "Name: Tf_Keras\nVersion: 2.21.0")
    install(here, "numpy-2.4.6", "Name: numpy\nVersion: 2.4.6")
    install(here, "torch-2.13.0")  # as an interrupted installation leaves it
    install(overlay, "numpy-2.4.5", "Name: numpy\nVersion: 2.4.5")
    install(overlay, "torchao-0.16.0", "Name: torchao\nVersion: 0.16.0")
    install(overlay, "tf_keras-2.21.0", "Name: tf_keras")
    monkeypatch.setattr(sys, "path", [str(here)])
    names = ["tf-keras", "numpy", "torch"]
    assert installed_versions(names) == {"tf-keras": "2.21.0", "numpy": "2.4.6"}
    assert installed_versions(names, str(overlay)) == {"tf-keras": "2.21.0", "numpy": "2.4.5"}
