"""A folder of images as a data set."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from smallbatch.config.compose import compose
from smallbatch.data import image_content, image_folder
from smallbatch.planning.files import plan_study


def picture(path: Path, colour, size=(40, 30)) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", size, colour).save(path)


def folder_dataset(folder, **more) -> dict:
    shape = {"shape": [3, 8, 8], "test": 0.25, "validation": 0.25}
    return {"name": "mine", "_target_": image_folder.TARGET, "folder": str(folder)} | shape | more


@pytest.fixture
def pictures(tmp_path):
    for i in range(8):
        picture(tmp_path / "red" / f"{i}.png", (200 + i, 0, 0), (10 + i, 20))
        picture(tmp_path / "blue" / f"{i}.jpg", (0, 0, 200 + i), (33, 7))
    (tmp_path / "red" / "notes.txt").write_text("no image")
    return tmp_path


def test_a_folder_per_class_is_counted_split_and_resized(pictures):
    dataset = image_folder.described(folder_dataset(pictures))
    assert dataset["classes"] == 2 and dataset["sizes"] == {"train": 9, "validation": 3, "test": 4}
    splits = image_folder.load(dataset["sizes"], str(pictures), [3, 8, 8], 0.25)
    for name, (images, labels) in splits.items():
        assert images.shape == (dataset["sizes"][name], 3, 8, 8)
        assert all(
            image[2 if label == 0 else 0].min() > 190
            for image, label in zip(images, labels, strict=True)
        )
    assert (np.bincount(splits["test"][1]) == 2).all()
    assert image_folder.load(dataset["sizes"], str(pictures), [1, 8, 8], 0.25)["test"][0].shape == (
        4,
        1,
        8,
        8,
    )


def test_fewer_images_of_a_folder_may_be_taken_and_the_rest_is_counted(pictures):
    def sizes(*changes):
        return compose("digits", ["dataset=image-folder", f"dataset.folder={pictures}", *changes])[
            "dataset"
        ]["sizes"]

    assert sizes() == {"train": 11, "validation": 1, "test": 4}
    assert sizes("dataset.sizes.train=5") == {"train": 5, "validation": 1, "test": 4}
    assert sizes("dataset.sizes.validation=4") == {"train": 8, "validation": 4, "test": 4}


def test_a_photograph_stands_upright(tmp_path):
    for name in ("a", "b"):
        picture(tmp_path / name / "0.png", (0, 0, 0))
        exif = Image.Exif()
        exif[0x0112] = 6  # the camera lay on its side: the left of what is stored is the top
        sideways = Image.new("RGB", (8, 8))
        sideways.paste((255, 255, 255), (0, 0, 4, 8))
        sideways.save(tmp_path / name / "1.png", exif=exif)
    splits = image_folder.load(
        {"train": 1, "validation": 1, "test": 2}, str(tmp_path), [1, 8, 8], 0.5
    )
    (upright,) = {
        image.tobytes() for images, _ in splits.values() for image in images if image.any()
    }
    assert (np.frombuffer(upright, np.uint8).reshape(8, 8)[:4] == 255).all() and upright[
        -32:
    ] == bytes(32)


def test_train_and_test_folders_stay_apart(tmp_path):
    for part, n in (("train", 8), ("test", 3)):
        for name in ("a", "b"):
            for i in range(n):
                picture(tmp_path / part / name / f"{i}.png", (100 if part == "train" else 5, 0, 0))
    dataset = image_folder.described(folder_dataset(tmp_path))
    assert dataset["sizes"] == {"train": 12, "validation": 4, "test": 6}
    splits = image_folder.load(dataset["sizes"], str(tmp_path), [3, 8, 8], 0.25)
    assert {int(images[:, 0].max()) for images, _ in (splits["train"], splits["validation"])} == {
        100
    }
    assert int(splits["test"][0].max()) == 5


def test_fewer_images_of_a_validation_folder_may_be_taken_and_not_more(tmp_path):
    for part, n in (("train", 4), ("val", 3), ("test", 2)):
        for name in ("a", "b"):
            for i in range(n):
                picture(tmp_path / part / name / f"{i}.png", (10 * n + i, 0, 0))
    dataset = image_folder.described(folder_dataset(tmp_path, sizes={"validation": 4}))
    assert dataset["sizes"] == {"train": 8, "validation": 4, "test": 4}
    splits = image_folder.load(dataset["sizes"], str(tmp_path), [3, 8, 8], 0.25)
    assert (np.bincount(splits["validation"][1]) == 2).all()
    assert splits["validation"][0][:, 0].min() >= 30 and splits["train"][0][:, 0].min() >= 40
    with pytest.raises(
        ValueError, match=r"sizes\.validation = 7, but there are 6 validation images; ask for fewer"
    ):
        image_folder.load(dataset["sizes"] | {"validation": 7}, str(tmp_path), [3, 8, 8], 0.25)


def test_another_image_is_other_data_and_another_place_is_not(pictures, tmp_path_factory):
    import shutil

    copy = tmp_path_factory.mktemp("copy") / "there"
    shutil.copytree(pictures, copy)
    plans = []
    for folder in (pictures, copy):
        plans.append(
            plan_study(
                compose(
                    "digits",
                    [
                        "dataset=image-folder",
                        f"dataset.folder={folder}",
                        "grid.batch_size=[2]",
                        "grid.norm=[none]",
                        "~grid.arms.ghost",
                        "~grid.arms.same_updates",
                    ],
                )
            )
        )
    picture(copy / "red" / "more.png", (1, 2, 3))
    changed = image_folder.described(folder_dataset(copy))
    assert plans[0].study["jobs"] == plans[1].study["jobs"]
    assert changed["content"] != image_folder.described(folder_dataset(pictures))["content"]


def test_content_is_the_same_whichever_images_were_read_before(
    pictures, tmp_path_factory, monkeypatch
):
    monkeypatch.setattr(image_content, "SETTLED", -(10**12))  # remember new files too
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("one")))
    image_folder.described(folder_dataset(pictures))
    picture(pictures / "blue" / "0.a.png", (1, 2, 3))  # before the others
    with_known = image_folder.described(folder_dataset(pictures))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("other")))
    assert with_known["content"] == image_folder.described(folder_dataset(pictures))["content"]


def test_what_is_wrong_with_a_folder_is_one_sentence(pictures, tmp_path):
    def said(folder, **more):
        with pytest.raises(ValueError) as caught:
            dataset = image_folder.described(folder_dataset(folder, **more))
            image_folder.load(dataset["sizes"], str(folder), dataset["shape"], 0.25)
        return str(caught.value)

    assert "there is no such folder" in said(tmp_path / "nowhere")
    assert "dataset.folder: missing" in said("")
    assert "dataset.classes: 3 in conf, but" in said(pictures, classes=3)
    for key, share in (("test", 1.5), ("validation", 0), ("test", "a")):
        assert f"dataset.{key}: {share!r} is not a valid share of the images" in said(
            pictures, **{key: share}
        )
    (pictures / "red" / "broken.png").write_bytes(b"this is no picture")
    assert "red/broken.png: not a readable image" in said(pictures)
    (pictures / "red" / "broken.png").unlink()
    assert "dataset.shape: 4 channels; write 1 (grey) or 3 (colour)" in said(
        pictures, shape=[4, 8, 8]
    )
    (pictures / "green").mkdir()
    assert "green: a class needs two images at least" in said(pictures)
    (pictures / "green").rmdir()
    (pictures / "train").mkdir()
    for name in ("red", "blue"):
        (pictures / name).rename(pictures / "train" / name)
    picture(pictures / "test" / "red" / "1.png", (1, 1, 1))
    picture(pictures / "test" / "red" / "2.png", (1, 1, 1))
    picture(pictures / "test" / "grey" / "1.png", (1, 1, 1))
    picture(pictures / "test" / "grey" / "2.png", (1, 1, 1))
    assert "test: the folder of class 'blue' is missing" in said(pictures)
