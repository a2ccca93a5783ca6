"""Folders of images as they are found (`tests/cases/folders`): what trains, and the sentence where it is refused."""

import json
import os
import runpy
import time
import warnings
from collections import Counter
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from checkout import REPOSITORY
from PIL import Image

from smallbatch.core.errors import UserError
from smallbatch.data import image_content, image_folder
from smallbatch.data.prepare import prepare

CASES = REPOSITORY / "tests" / "cases" / "folders"


@pytest.fixture(autouse=True)
def own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


def save(path: Path, image) -> None:
    """Save a grey, an array of pixels or an image as 2 x 2 pixels."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if isinstance(image, int):
        image = np.full((2, 2), image, np.uint8)
    (image if isinstance(image, Image.Image) else Image.fromarray(image)).save(path)


def dataset_of(folder: Path, **more) -> dict:
    keys = {"name": "mine", "_target_": image_folder.TARGET, "folder": str(folder)}
    return image_folder.described(
        keys | {"shape": [1, 2, 2], "test": 0.5, "validation": 0.5} | more
    )


@pytest.mark.parametrize("name", sorted(path.stem for path in CASES.glob("*.py")))
def test_a_folder_is_the_users_or_refused(name, tmp_path, capsys):
    case = SimpleNamespace(**runpy.run_path(str(CASES / f"{name}.py")))
    folder = tmp_path / "pictures"
    case.make(folder, save)
    if case.OUTCOME == "refused":
        with pytest.raises((ValueError, UserError)) as refused:
            dataset = dataset_of(folder, **getattr(case, "DATASET", {}))
            prepare({"dataset": dataset}, tmp_path / "out", {})
        assert case.SAYS in str(refused.value) and "\n" not in str(refused.value)
        assert str(folder) in str(refused.value)
        return
    dataset = dataset_of(folder, **getattr(case, "DATASET", {}))
    keys = {key: dataset[key] for key in ("sizes", "folder", "shape", "test", "content")}
    with warnings.catch_warnings(record=True) as noted:
        warnings.simplefilter("always")
        check(case.expected(), image_folder.load(**keys))
    assert ("warned" if noted else "trains") == case.OUTCOME
    if case.OUTCOME == "warned":
        prepare({"dataset": dataset}, tmp_path / "out", {})
        about = json.loads((tmp_path / "out" / "about.json").read_text(encoding="utf-8"))
        assert case.SAYS in about["notes"] and case.SAYS in capsys.readouterr().out


def check(expected: dict, splits: dict) -> None:
    """The splits hold exactly the expected images; several may be drawn from one."""
    found: dict[str, Counter] = {split: Counter() for split in expected}
    for split, (images, labels) in splits.items():
        whole = split if split in expected else "train" if "train" in expected else "all"
        for image, label in zip(images, labels, strict=True):
            found[whole][int(label), image.astype(float).tobytes()] += 1
    shape = splits["train"][0].shape[1:]
    for split, pairs in expected.items():
        assert found[split] == Counter((label, as_saved(pixels, shape)) for label, pixels in pairs)


def as_saved(pixels, shape: tuple[int, ...]) -> bytes:
    """The bytes of an image that is given as a grey, a colour or an array."""
    pixels = np.asarray(pixels, float)
    pixels = pixels[:, None, None] if pixels.ndim == 1 else pixels
    return np.broadcast_to(pixels, shape).astype(float).tobytes()


def test_an_image_replaced_by_one_of_equal_size_and_time_is_other_data(tmp_path, monkeypatch):
    folder = tmp_path / "pictures"
    for name, grey in (("a", 10), ("b", 20)):
        for i in range(2):
            save(folder / name / f"{i}.bmp", grey + i)
    with monkeypatch.context() as patched:
        time.sleep(0.05)  # a few ticks of the disk's clock
        patched.setattr(image_content, "SETTLED", 0)  # what was hashed is remembered at once
        before = dataset_of(folder)
    first, second = folder / "a" / "1.bmp", folder / "b" / "1.bmp"
    times = first.stat().st_atime_ns, first.stat().st_mtime_ns
    one, other = first.read_bytes(), second.read_bytes()
    assert len(one) == len(other)
    first.write_bytes(other)
    os.utime(first, ns=times)  # as an archive does that keeps times
    assert dataset_of(folder)["content"] != before["content"]
    second.write_bytes(one)
    assert dataset_of(folder)["content"] != before["content"]
    with pytest.raises(UserError, match="its images have changed since the study was planned"):
        prepare({"dataset": before}, tmp_path / "out", {})
    first.write_bytes(one)
    second.write_bytes(other)
    assert dataset_of(folder)["content"] == before["content"]


def test_a_file_is_read_again_only_if_it_changed(tmp_path, monkeypatch):
    folder, read = tmp_path / "pictures", []
    for name, grey in (("a", 10), ("b", 20)):
        for i in range(2):
            save(folder / name / f"{i}.png", grey + i)
    hashed = image_content._hash
    monkeypatch.setattr(image_content, "_hash", lambda path: read.append(path.name) or hashed(path))
    contents = [dataset_of(folder)["content"]]
    assert len(read) == 4
    contents.append(dataset_of(folder)["content"])  # files of this second may change once more
    assert len(read) == 8
    monkeypatch.setattr(image_content, "SETTLED", 0)
    contents += [dataset_of(folder)["content"] for _ in range(3)]
    assert len(read) == 12 and len(set(contents)) == 1
    save(folder / "b" / "1.png", 99)
    assert dataset_of(folder)["content"] != contents[0] and read[12:] == ["1.png"]
