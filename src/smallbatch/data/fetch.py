"""The files of a data set, from a local mirror or its official address: ``python -m
smallbatch.data.fetch PLAN.data.json OUT.json``.

A data set's config names them: ``download: {url, files: {name: md5 or sha256 sum}}``. Each is
looked for in ``dataset.mirror``, then in ``results/downloads/<data set>/``, then downloaded to
there. OUT gets ``{name: path}``.
"""

import contextlib
import json
import sys
from pathlib import Path

from smallbatch.core.atomic import permit_as_umask
from smallbatch.core.errors import UserError, main_errors

DOWNLOADS = Path("results/downloads")
RETRIES = 3
SECONDS = 60  # without a byte, until a try has failed


def fetch(dataset: dict) -> dict[str, str]:
    """The path of each file of a data set (as its config has it), or of its unpacked folder; raises
    UserError."""
    download = dataset.get("download")
    if not download:
        return {}
    mirror = dataset.get("mirror")
    if mirror and not Path(mirror).is_dir():
        raise UserError(f"dataset.mirror={mirror}: there is no such folder")
    found = {}
    for name, checksum in download["files"].items():
        found[name] = str(
            _in_mirror(mirror, dataset, name, checksum)
            or _downloaded(DOWNLOADS / dataset["name"], download["url"], name, checksum, mirror)
        )
    return found


def _in_mirror(mirror: str | None, dataset: dict, name: str, checksum: str) -> Path | None:
    """A file in a mirror: itself, or what it holds (``x`` of ``x.gz``, the archive's folder), there
    or in a folder of the data set's name."""
    if not mirror:
        return None
    inside = dataset["download"].get("unpacked") or name.removesuffix(".gz")
    for folder in (Path(mirror) / dataset["name"], Path(mirror)):
        if (folder / name).is_file():
            _verify(folder / name, checksum)
            return (folder / name).resolve()
        if (
            folder / inside
        ).exists():  # its content is verified by dataset.sha256, if that is given
            return (folder / inside).resolve()
    return None


def _verify(path: Path, checksum: str) -> None:
    import pooch

    kind, _, expected = checksum.partition(":")
    try:
        found = pooch.file_hash(path, kind)
    except OSError as error:
        raise UserError(f"{path}: {error.strerror}") from error
    if found != expected:
        raise UserError(
            f"{path}: its {kind} sum is {found}, not the official {expected}; replace the file"
        )


def _downloaded(folder: Path, url: str, name: str, checksum: str, mirror: str | None) -> Path:
    import pooch
    import requests

    # A file that is there and whole is not downloaded again; one with another sum is.
    store = pooch.create(
        folder,
        url if url.endswith("/") else f"{url}/",
        registry={name: checksum},
        retry_if_failed=RETRIES,
    )
    downloader = pooch.HTTPDownloader(timeout=SECONDS, progressbar=_Lines(name))
    missing = f" ({name} is not in the mirror {mirror})" if mirror else ""
    try:
        path = Path(store.fetch(name, downloader=downloader)).resolve()
    except requests.RequestException as error:
        raise UserError(
            f"dataset: {store.get_url(name)} cannot be downloaded ({_reason(error)}){missing}; "
            "try again, or set dataset.mirror=DIR, a folder with that file"
        ) from error
    except ValueError as error:  # pooch's, after RETRIES: another checksum
        raise UserError(
            f"dataset: what {store.get_url(name)} sends has another {checksum.partition(':')[0]} sum than the official one; "
            "try again, or set dataset.mirror=DIR, a folder with that file"
        ) from error
    with contextlib.suppress(PermissionError):  # it was there, and is another user's
        permit_as_umask(path)  # pooch's temporary files are for their owner alone
    return path


def _reason(error: BaseException) -> str:
    """The innermost of an error's reasons: requests wraps them three deep."""
    while error.__context__ is not None:
        error = error.__context__
    return str(error).strip() or type(error).__name__


class _Lines:
    """Progress of a download as lines of a log, for each tenth; what pooch asks of a progress
    bar."""

    def __init__(self, name: str):
        self.name, self.total = name, 0

    @property
    def total(self) -> int:
        return self._total

    @total.setter
    def total(self, size: int) -> None:
        """The bytes of a file; pooch sets them as each try begins."""
        self._total, self.done, self.said = size, 0, 0

    def update(self, size: int) -> None:
        self.done += size
        # pooch counts whole pieces
        tenth = min(10, 10 * self.done // self.total) if self.total else 0
        if tenth > self.said:
            self.said = tenth
            print(f"{self.name}: {10 * tenth}% of {self.total / 1e6:,.1f} MB", flush=True)

    def reset(self) -> None:  # at the end, before an update by all that there is
        self.done = 0

    def close(self) -> None:
        pass


def main() -> None:
    plan = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
    found, out = fetch(plan["dataset"]), Path(sys.argv[2])
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    with main_errors():
        main()
