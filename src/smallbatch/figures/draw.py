"""Draw the figures of a study that are out of date because their code or tables have changed.

One process draws several figures, since starting Python and importing seaborn takes longer than
drawing most of them. Figures are kept in ``results/drawn/<study>/``, each with a digest of its
inputs, and copied to ``results/<study>/figures/``, which Snakemake empties before every job.
``results/<study>/figures.json`` lists the digests: Snakemake compares small files by content, but
not folders, so that a copy of the results with other modification times is up to date.
"""

import hashlib
import importlib
import json
import multiprocessing
import shutil
import time
import traceback
from concurrent.futures import Future, ProcessPoolExecutor
from pathlib import Path

from smallbatch.core.errors import UserError
from smallbatch.core.import_graph import code_of
from smallbatch.core.provenance import versions
from smallbatch.figures.names import FORMATS, figures_of, tables_of

SAVE = "smallbatch.figures.save"  # imported only if a figure must be drawn, since seaborn is slow


def draw_figures(study: Path, processes: int) -> None:
    """Update ``study/figures/`` with up to `processes` processes; raises UserError naming the
    figures that could not be drawn."""
    kept, target = study.parent / "drawn" / study.name, study / "figures"
    names = figures_of(json.loads((study / "study.json").read_text(encoding="utf-8")))
    wanted = {name: _digest(name, study) for name in names}
    old = [name for name, digest in wanted.items() if not _is_current(kept, name, digest)]
    kept.mkdir(parents=True, exist_ok=True)
    failed = _draw({name: wanted[name] for name in old}, study, kept, processes) if old else []
    print(f"{len(names) - len(old)} of {len(names)} figures were up to date")
    target.mkdir(exist_ok=True)
    for name in names:
        if name not in failed:
            for kind in FORMATS:
                shutil.copyfile(kept / f"{name}.{kind}", target / f"{name}.{kind}")
    (study / "figures.json").write_text(json.dumps(wanted, indent=1) + "\n", encoding="utf-8")
    if failed:
        raise UserError(
            f"{target}: could not draw {', '.join(failed)}; the reason is printed above"
        )


def _draw(digests: dict[str, str], study: Path, kept: Path, processes: int) -> list[str]:
    """Draw figures into `kept`; print the errors of those that fail and return their names."""
    try:  # import once, before forking; nothing else in this process can hold a lock
        importlib.import_module(SAVE)
    except ImportError as error:
        traceback.print_exception(error)
        return [f"{name} ({type(error).__name__}: {error})" for name in digests]
    failed = []
    with ProcessPoolExecutor(
        min(processes, len(digests)), multiprocessing.get_context("fork")
    ) as pool:
        drawn: dict[str, Future] = {
            name: pool.submit(_draw_one, name, study, kept) for name in digests
        }
        for name, future in drawn.items():
            try:
                print(f"{name}: drawn in {future.result():.1f} s", flush=True)
                (kept / f"{name}.digest").write_text(digests[name], encoding="utf-8")
            except Exception as error:  # any error: the other figures are still drawn
                traceback.print_exception(error)
                failed.append(f"{name} ({type(error).__name__}: {error})")
    return failed


def _draw_one(name: str, study: Path, kept: Path) -> float:
    """Draw one figure in a worker process; returns the seconds that it took."""
    from smallbatch.figures.save import save_figure

    begun = time.perf_counter()
    (kept / f"{name}.digest").unlink(missing_ok=True)
    save_figure(name, study, kept)
    return time.perf_counter() - begun


def _digest(name: str, study: Path) -> str:
    """Digest of a figure's inputs: its code, the versions of libraries, and the study's tables."""
    digest = hashlib.blake2b(digest_size=8)
    code = code_of(f"smallbatch.figures.{name}", SAVE)
    digest.update(f"{code} {versions('matplotlib', 'seaborn', 'pandas', 'numpy')}".encode())
    for table in tables_of(name):
        digest.update((study / table).read_bytes())
    return digest.hexdigest()


def _is_current(kept: Path, name: str, digest: str) -> bool:
    path = kept / f"{name}.digest"
    there = all((kept / f"{name}.{kind}").is_file() for kind in FORMATS)
    return there and path.is_file() and path.read_text(encoding="utf-8") == digest
