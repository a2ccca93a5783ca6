"""Files are written whole or not at all."""

import os

import pytest

from smallbatch.core.atomic import write_atomically, write_text


def test_a_file_is_replaced_and_nothing_is_left_beside_it(tmp_path):
    for text in ("one", "two"):
        write_text(tmp_path / "new" / "file", text)
        assert (tmp_path / "new" / "file").read_text() == text
    assert os.listdir(tmp_path / "new") == ["file"]


def test_a_folder_takes_the_place_of_another(tmp_path):
    for number in (1, 2):
        with write_atomically(tmp_path / "part") as temporary:
            temporary.mkdir()
            (temporary / f"{number}").touch()
    assert os.listdir(tmp_path / "part") == ["2"] and os.listdir(tmp_path) == ["part"]


@pytest.mark.parametrize("kind", ["file", "folder"])
def test_what_fails_half_done_leaves_what_was_there(tmp_path, kind):
    write_text(tmp_path / "file", "old")
    with pytest.raises(OSError, match="full"), write_atomically(tmp_path / "file") as temporary:
        temporary.mkdir() if kind == "folder" else temporary.write_text("ne")
        raise OSError("disk full")
    assert (tmp_path / "file").read_text() == "old" and os.listdir(tmp_path) == ["file"]


def test_a_new_file_is_on_the_disk_before_it_takes_the_name_of_the_old_one(tmp_path, monkeypatch):
    done = []
    for name in ("fsync", "replace"):
        call = getattr(os, name)
        monkeypatch.setattr(
            os, name, lambda *a, name=name, call=call: done.append(name) or call(*a)
        )
    write_text(tmp_path / "file", "text")
    assert done == ["fsync", "replace", "fsync"]
    with write_atomically(tmp_path / "file", sync=False) as temporary:
        temporary.touch()
    assert done[3:] == ["replace"]
