"""A run's folder: manifest, blocks, summary and reports. Every file appears whole or not at all."""

from __future__ import annotations

import fcntl
import os
import secrets
import shutil
import stat
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeVar

import msgspec

from bakeoff.model import BakeoffError, BlockResult, Interval, Manifest, Masker, Run, Struct, Summary, UserError
from bakeoff.results.hlog import read_log, write_log
from bakeoff.results.key import masking_key

_MANIFEST = "manifest.json"
_SUMMARY = "summary.json"
_RECORD = "record.json"
_LATENCIES = "latency.hlog"
REPORT_PAGE = "report.html"

Stored = TypeVar("Stored", bound=Struct)


def new_run_id(name: str, now: datetime | None = None) -> str:
    """The name of a run's folder: UTC time, then the experiment."""
    return f"{(now or datetime.now(UTC)).strftime('%Y%m%dT%H%M%SZ')}-{name}"


class RunFolder:
    """One run under ``results/``."""

    def __init__(self, path: Path) -> None:
        self.path = path

    @classmethod
    def create(cls, results: Path, manifest: Manifest) -> RunFolder:
        """A new folder with its manifest. Raises `UserError` when it cannot be made."""
        path = results / manifest.run_id
        try:
            path.mkdir(parents=True)
        except FileExistsError:
            raise UserError(f"{path} exists already; wait a second, or choose another --out") from None
        except OSError as error:
            raise UserError(f"{path} cannot be made: {error.strerror}; choose another --out") from None
        folder = cls(path)
        folder.write_manifest(manifest)
        return folder

    def block(self, number: int) -> Path:
        """The folder of one block, made if need be."""
        path = self.path / "blocks" / f"{number:04d}"
        path.mkdir(parents=True, exist_ok=True)
        return path

    def empty_block(self, number: int) -> Path:
        """The folder of one block, emptied of what an interrupted attempt left in it."""
        shutil.rmtree(self.block(number))
        return self.block(number)

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Keep other processes from measuring this run. Raises `UserError` when one is measuring it already.

        The kernel releases the lock when its process ends, in whatever way.
        """
        descriptor = os.open(self.path, os.O_RDONLY)
        try:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise UserError(f"{self.path} is being measured by another process; wait until it has ended") from None
            yield
        finally:
            os.close(descriptor)

    @property
    def has_summary(self) -> bool:
        """Whether the run was analysed."""
        return (self.path / _SUMMARY).exists()

    @property
    def has_page(self) -> bool:
        """Whether the run has a report to open in a browser."""
        return (self.path / REPORT_PAGE).exists()

    def write_manifest(self, manifest: Manifest) -> None:
        """Write or replace the manifest, without the values of variables and headers; see `bakeoff.model.masking`."""
        _write_json(self.path / _MANIFEST, without_secrets(manifest))

    def write_block(self, result: BlockResult, intervals: Sequence[Interval]) -> None:
        """Write what a block left. Its record comes last: a block with a record is complete."""
        folder = self.block(result.number)
        write_file(folder / _LATENCIES, write_log(intervals).encode())
        _write_json(folder / _RECORD, result)

    def write_summary(self, summary: Summary) -> None:
        """Write the analysis."""
        _write_json(self.path / _SUMMARY, summary)

    def write_reports(self, files: Mapping[str, bytes]) -> None:
        """Write rendered reports, by relative name."""
        for name, content in files.items():
            target = self.path / name
            target.parent.mkdir(parents=True, exist_ok=True)
            write_file(target, content)

    def manifest(self) -> Manifest:
        """Read the manifest. Raises `UserError` when this is no run folder.

        Values that an earlier version stored are masked here.
        """
        return without_secrets(_read(self.path / _MANIFEST, Manifest))

    def summary(self) -> Summary:
        """Read the analysis. Raises `UserError` when the run is not finished."""
        if not self.has_summary and is_run_folder(self.path):
            raise UserError(f"{self.path} is not finished; finish it with: bakeoff resume {self.path}")
        return _read(self.path / _SUMMARY, Summary)

    def blocks(self) -> tuple[BlockResult, ...]:
        """Read the records of all complete blocks, in order."""
        return tuple(_read(path, BlockResult) for path in sorted(self.path.glob(f"blocks/*/{_RECORD}")))

    def intervals(self) -> Iterable[Interval]:
        """Read the histograms of all complete blocks."""
        for path in sorted(self.path.glob(f"blocks/*/{_RECORD}")):
            log = path.with_name(_LATENCIES)
            try:
                yield from read_log(log.read_text("utf-8"), int(path.parent.name))
            except (OSError, ValueError) as error:
                raise BakeoffError(f"{log}: {error}") from error


def without_secrets(manifest: Manifest) -> Manifest:
    """A manifest as it is stored and read."""
    return Masker(masking_key).manifest(manifest)


def is_run_folder(path: Path) -> bool:
    """Whether a folder holds a run."""
    return (path / _MANIFEST).exists()


def load_run(path: Path | str) -> Run:
    """Read a whole run from its folder. Raises `UserError` when it is not the folder of a finished run."""
    folder = RunFolder(Path(path))
    return Run(
        manifest=folder.manifest(),
        summary=folder.summary(),
        blocks=folder.blocks(),
        intervals=tuple(folder.intervals()),
    )


def write_file(path: Path, content: bytes) -> None:
    """Write a file whole or not at all: a temporary file beside it, flushed to disk, then renamed.

    A new file has the permissions that the umask leaves, one that is replaced keeps those that it has.
    """
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    try:
        with temporary.open("xb") as file:
            if path.exists():
                os.fchmod(file.fileno(), stat.S_IMODE(path.stat().st_mode))
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def _write_json(path: Path, value: Struct) -> None:
    write_file(path, msgspec.json.format(msgspec.json.encode(value), indent=2) + b"\n")


def _read(path: Path, kind: type[Stored]) -> Stored:
    try:
        return msgspec.json.decode(path.read_bytes(), type=kind)
    except FileNotFoundError:
        raise UserError(f"{path.parent} is not a run folder: it has no {path.name}") from None
    except (OSError, msgspec.DecodeError) as error:
        raise UserError(f"{path} cannot be read: {error}") from None
