"""Files that are written completely or not at all."""

from __future__ import annotations

import os
import sys
import threading

import pytest

from hfbench_nb.storage.files import replace_file

pytestmark = pytest.mark.quick


def test_a_file_is_made_and_replaced_and_nothing_else_is_left(tmp_path):
    path = tmp_path / "file"
    for data in (b"first", b"", b"\0" * 100_000):
        replace_file(path, data)
        assert path.read_bytes() == data
        assert [each.name for each in tmp_path.iterdir()] == ["file"]


@pytest.mark.skipif(sys.platform == "win32", reason="links need a right there")
def test_of_a_link_the_file_that_it_points_to_is_replaced(tmp_path):
    (tmp_path / "kept").mkdir()
    target, link = tmp_path / "kept" / "target", tmp_path / "link"
    target.write_bytes(b"before")
    link.symlink_to(target)
    replace_file(link, b"after")
    assert link.is_symlink()
    assert target.read_bytes() == b"after"


def test_a_file_that_cannot_be_replaced_stays_and_nothing_is_left(tmp_path):
    folder = tmp_path / "taken"
    folder.mkdir()
    (folder / "inside").write_text("before")
    with pytest.raises(OSError):
        replace_file(folder, b"after")  # a file cannot take the place of a folder
    assert (folder / "inside").read_text() == "before"
    assert [each.name for each in tmp_path.iterdir()] == ["taken"]
    with pytest.raises(FileNotFoundError):
        replace_file(tmp_path / "gone" / "file", b"")


def test_what_reads_meanwhile_sees_one_whole_or_the_other(tmp_path):
    path, whole = tmp_path / "file", {bytes([letter]) * 50_000 for letter in b"ab"}
    replace_file(path, min(whole))
    seen, stop = set(), threading.Event()

    def read():
        while not stop.is_set():
            seen.add(path.read_bytes())

    threads = [threading.Thread(target=read)]
    threads += [
        threading.Thread(target=lambda data=data: [replace_file(path, data) for _ in range(20)]) for data in whole
    ]
    for thread in threads:
        thread.start()
    for thread in threads[1:]:
        thread.join()
    stop.set()
    threads[0].join()
    assert seen <= whole
    assert path.read_bytes() in whole
    assert os.listdir(tmp_path) == ["file"]
