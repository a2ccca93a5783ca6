"""Data sets through the workflow: a mirror, a download that fails, a folder of images."""

import functools
import http.server
import os
import threading
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from PIL import Image

pytestmark = pytest.mark.slow
MIRROR = os.environ.get("SMALLBATCH_MIRROR")
SMALL = (
    "grid.batch_size=[32] grid.norm=[none] grid.base_lr=[2**-8] grid.seeds=2 grid.budget=epochs:2 grid.arms={} "
    "grid.base_lr_at={} tracking=none"
)


@pytest.mark.skipif(not MIRROR, reason="SMALLBATCH_MIRROR names no folder with the official files")
def test_fashion_mnist_is_taken_from_a_mirror_decoded_once_and_trained_on(fresh):
    sizes = "dataset.sizes.train=2000 dataset.sizes.validation=500 dataset.sizes.test=500"
    settings = {"study": "fashion", "hydra": f"dataset.mirror={MIRROR} {sizes} {SMALL}"}
    first = fresh.snakemake("table", **settings)
    assert first.jobs["download"] == first.jobs["data"] == 1 and first.trained == 2
    table = pq.read_table(fresh.results / "fashion" / "table.parquet").to_pandas()
    assert set(table["dataset"]) == {"fashion-mnist"} and table["test_accuracy"].min() > 0.6
    (images,) = fresh.results.glob("data/fashion-mnist-*/images.npy")
    assert np.load(images, mmap_mode="r").shape == (3000, 1, 28, 28)
    again = fresh.snakemake(
        "table", **settings | {"hydra": settings["hydra"].replace("seeds=2", "seeds=3")}
    )
    assert again.trained == 1 and "data" not in again.jobs and "download" not in again.jobs
    # Without the mirror it is the same data: nothing has to be fetched.
    moved = fresh.snakemake(
        "table", **settings | {"hydra": f"{sizes} {SMALL}".replace("seeds=2", "seeds=3")}
    )
    assert moved.trained == 0


@pytest.mark.skipif(not MIRROR, reason="SMALLBATCH_MIRROR names no folder with the official files")
def test_a_data_set_is_downloaded_by_a_job_of_its_own_with_tries_and_progress_in_its_log(fresh):
    asked = []

    class Busy(http.server.SimpleHTTPRequestHandler):
        def do_GET(self):
            asked.append(self.path)
            self.send_error(503) if len(asked) == 1 else super().do_GET()

        def log_message(self, *_):
            pass

    official = functools.partial(Busy, directory=str(Path(MIRROR) / "fashion-mnist"))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), official) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        sizes = "dataset.sizes.train=640 dataset.sizes.validation=200 dataset.sizes.test=200 dataset.image_size=7"
        url = f"dataset=fashion-mnist dataset.download.url=http://127.0.0.1:{server.server_port}"
        run = fresh.snakemake("table", study="digits", hydra=f"{url} {sizes} {SMALL}")
        server.shutdown()
    assert run.jobs["download"] == run.jobs["data"] == 1 and run.trained == 2 and len(asked) == 5
    (log,) = fresh.results.glob("logs/data/fashion-mnist-*.download.log")
    assert "Will attempt the download again" in log.read_text()
    assert "train-images-idx3-ubyte.gz: 50% of 26.4 MB" in log.read_text()
    assert len([*fresh.results.glob("downloads/fashion-mnist/*.gz")]) == 4


def test_another_mirror_is_taken_after_one_whose_files_are_damaged(fresh):
    records = np.random.default_rng(0).integers(0, 256, (100, 3073)).astype(np.uint8)
    records[:, 0] = np.arange(100) % 10
    for mirror in ("damaged", "whole"):
        folder = fresh.root / mirror / "cifar-10-batches-bin"
        folder.mkdir(parents=True)
        for name in (*(f"data_batch_{i}.bin" for i in range(1, 6)), "test_batch.bin"):
            records.tofile(folder / name)
    os.truncate(fresh.root / "damaged" / "cifar-10-batches-bin" / "data_batch_3.bin", 1000)
    sizes = "dataset=cifar10 dataset.sizes={train:320,validation:100,test:100} dataset.image_size=8"
    damaged, whole = (
        fresh.snakemake(
            "table", study="digits", hydra=f"{sizes} dataset.mirror={mirror} {SMALL}", check=False
        )
        for mirror in ("damaged", "whole")
    )
    assert "data_batch_3.bin has 1,000 bytes, no whole records; it is truncated" in damaged.output
    assert whole.status == 0 and whole.trained == 2


def test_a_download_that_fails_is_one_sentence(fresh):
    settings = f"dataset=mnist dataset.download.url=http://127.0.0.1:9 {SMALL}"
    failed = fresh.snakemake("table", study="digits", hydra=settings, check=False)
    assert failed.status != 0 and "Traceback" not in failed.output
    assert (
        "error: dataset: http://127.0.0.1:9/t10k-images-idx3-ubyte.gz cannot be downloaded"
        in failed.output
        and "set dataset.mirror=DIR, a folder with that file" in failed.output
    )


def test_a_folder_of_images_is_a_data_set(fresh):
    random = np.random.default_rng(0)
    for name, channel in (("red", 0), ("green", 1)):
        folder = fresh.root / "pictures" / name
        folder.mkdir(parents=True)
        for i in range(40):
            pixels = random.integers(0, 120, (random.integers(20, 40), 24, 3)).astype(np.uint8)
            pixels[..., channel] += 80
            Image.fromarray(pixels).save(folder / f"{i}.png")
    settings = f"dataset=image-folder dataset.name=pictures dataset.folder=pictures dataset.image_size=8 {SMALL}"
    settings = settings.replace("grid.batch_size=[32]", "grid.batch_size=[4]").replace(
        "epochs:2", "epochs:5"
    )
    assert fresh.snakemake("table", study="digits", hydra=settings).trained == 2
    table = pq.read_table(fresh.results / "digits" / "table.parquet").to_pandas()
    assert set(table["dataset"]) == {"pictures"} and table["test_accuracy"].min() > 0.8
    (fresh.root / "pictures" / "red" / "0.png").write_bytes(b"no picture")
    broken = fresh.snakemake("table", study="digits", hydra=settings, check=False)
    assert (
        "pictures/red/0.png: not a readable image" in broken.output
        and "Traceback" not in broken.output
    )


def test_what_a_study_will_cost_is_printed_and_what_is_stored_costs_nothing(fresh):
    settings = {"hydra": "grid.seeds=2"}
    before = fresh.snakemake("plan", **settings).output
    assert "of them to train" in before and "core" in before and "not measured" not in before
    assert numbers(before, "points") == numbers(before, "of them to train") == [24]
    assert fresh.snakemake("table", **settings).trained == 24
    after = fresh.snakemake("plan", **settings).output
    assert numbers(after, "points") == [24] and numbers(after, "of them to train") == [0]


def numbers(output: str, row: str) -> list[int]:
    return [
        int(line.split()[-1].replace(",", ""))
        for line in output.splitlines()
        if line.strip().startswith(row + "  ")
    ]
