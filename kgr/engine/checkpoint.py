"""Checkpoints: safetensors files and a manifest that is written last and deleted first.

::

    checkpoints/<step>/manifest.json              format, version, step, settings, sections, history, tables, files
                       module.safetensors         parameters and buffers
                       optimizer.safetensors      <parameter>/<moment>
                       <table>/rows-<first>.safetensors, moments-<first>.safetensors

A file of rows has those of ids from the first on; where N processes train, each writes those of its share of the ids
(:mod:`kgr.engine.shares`), the p-th in ``rows-<first>.<p>of<N>.safetensors``. Any number of processes reads them.

Every file's BLAKE2b is in the manifest, the manifest's own too, and each is verified when it is
read. There is no generator state to keep: every draw is keyed by seed and step.
"""

from __future__ import annotations

import contextlib
import dataclasses
import hashlib
import itertools
import json
import re
import shutil
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import safetensors.torch
import torch
from torch import Tensor, nn

from kgr import _io
from kgr.engine.processes import ALONE, Processes
from kgr.engine.shares import Share
from kgr.engine.table import Table
from kgr.errors import FormatError

FORMAT, VERSION = "kgr-checkpoint", 1
PART_BYTES = 1 << 28
"""Most bytes of one tensor in a file of rows."""

Tensors = dict[str, Tensor]


@dataclasses.dataclass(frozen=True)
class Checkpoint:
    """A checkpoint on disk; its manifest is read and verified, its tensors are not yet."""

    path: Path
    manifest: dict[str, Any]

    @classmethod
    def open(cls, path: Path) -> Checkpoint:
        """Read the manifest.

        Raises
        ------
        FormatError
            It is damaged, or of another version.
        """
        where = path / "manifest.json"
        try:
            manifest = json.loads(where.read_text(encoding="utf-8"))
            found, version = manifest["format"], manifest["version"]
        except (OSError, ValueError, RecursionError, KeyError, TypeError) as error:
            raise FormatError(f"{where}: not the manifest of a checkpoint: {error}; {_ADVICE}") from error
        if (found, version) != (FORMAT, VERSION):
            raise FormatError(
                f"{where}: format {found} {version}, expected {FORMAT} {VERSION}; train in another folder"
            )
        if not _io.intact(manifest):
            raise FormatError(f"{where}: its checksum does not fit; {_ADVICE}")
        return cls(path, {name: value for name, value in manifest.items() if name != "blake2b"})

    @property
    def step(self) -> int:
        """The last step that it holds."""
        return int(self.manifest["step"])

    def read(self, name: str) -> Tensors:
        """Read the tensors of one file, on the CPU.

        Raises
        ------
        FormatError
            The file is missing, or its size or checksum is not the manifest's.
        """
        where = self.path / name
        try:
            data = where.read_bytes()
        except OSError as error:
            raise FormatError(f"{where}: cannot be read: {error}; {_ADVICE}") from error
        if self.manifest["files"].get(name) != _entry(data):
            raise FormatError(f"{where}: its size or checksum is not the manifest's; {_ADVICE}")
        return safetensors.torch.load(data)

    def check_sections(self, sections: Mapping[str, str]) -> None:
        """Raise a FormatError naming the first section that is not the one this was trained from."""
        for name in sorted({*sections, *self.manifest["sections"]}):
            was, now = self.manifest["sections"].get(name, "absent"), sections.get(name, "absent")
            if was != now:
                raise FormatError(
                    f"{self.path}: trained from section {name!r} with fingerprint {was}, the store's is {now}; "
                    "use the store that it was trained from, or train in another folder"
                )

    def restore_weights(self, module: nn.Module, tables: Mapping[str, Table]) -> None:
        """Write parameters, buffers and rows in place: all that evaluation needs.

        Raises
        ------
        FormatError
            A damaged file; tables or parameters of other names or shapes.
        """
        try:
            module.load_state_dict(self.read("module.safetensors"))
        except RuntimeError as error:
            raise FormatError(f"{self.path}: of another model: {error}") from error
        shapes = {name: {"rows": table.share.rows, "width": table.weight.shape[1]} for name, table in tables.items()}
        kept = {name: {"rows": of["rows"], "width": of["width"]} for name, of in self.manifest["tables"].items()}
        if shapes != kept:
            raise FormatError(f"{self.path}: holds tables {kept}, expected {shapes}")
        for name, table in tables.items():
            self._read_rows(name, "rows", table.share, {"weight": table.weight})

    def restore_moments(
        self, module: nn.Module, tables: Mapping[str, Table], optimizer: torch.optim.Optimizer | None
    ) -> None:
        """Write the state of the optimisers in place; ``optimizer`` is None where the module has no parameters."""
        for name, table in tables.items():
            self._read_rows(name, "moments", table.share, table.moments)
            table.steps = self.manifest["tables"][name]["steps"]
        if optimizer is None:
            return
        parameters = (parameter for group in optimizer.param_groups for parameter in group["params"])
        places = {parameter: number for number, parameter in enumerate(parameters)}
        numbers = {name: places[parameter] for name, parameter in module.named_parameters() if parameter in places}
        state: dict[int, Tensors] = {}
        for key, tensor in self.read("optimizer.safetensors").items():
            name, _, moment = key.rpartition("/")
            state.setdefault(numbers[name], {})[moment] = tensor
        optimizer.load_state_dict({"state": state, "param_groups": optimizer.state_dict()["param_groups"]})

    def rows(self, table: str) -> Iterator[Tensor]:
        """Yield the rows of a table part by part, float32[n, width] on the CPU, in order; each part is verified."""
        for first, files in itertools.groupby(self._files(table, "rows"), key=lambda file: file.first):
            parts = [(file.share.part, file.share.parts, self.read(file.name)["weight"]) for file in files]
            whole = parts[0][2].new_empty(sum(len(rows) for _, _, rows in parts), parts[0][2].shape[1])
            for part, step, rows in parts:
                whole[(part - first) % step :: step] = rows
            yield whole

    def _read_rows(self, table: str, kind: str, share: Share, into: Mapping[str, Tensor]) -> None:
        """Read what the files have of a share into its tensors."""
        for file in self._files(table, kind):
            if not file.share.meets(share):
                continue
            for name, tensor in self.read(file.name).items():
                place = file.share.below(file.first)
                ids = file.share.ids(place, place + len(tensor))
                if share == file.share:
                    into[name][place : place + len(tensor)] = tensor
                else:
                    own = (share.owners(ids) == share.part).nonzero().flatten()
                    into[name][share.places(ids[own])] = tensor[own].to(into[name].device)

    def _files(self, table: str, kind: str) -> list[_Rows]:
        """The files of rows or moments of a table, by the first id and then by process."""
        rows = self.manifest["tables"][table]["rows"]
        found = (_ROWS.fullmatch(name) for name in self.manifest["files"])
        own = (match for match in found if match and match["table"] == table and match["kind"] == kind)
        files = (
            _Rows(match[0], int(match["first"]), Share(rows, int(match["part"] or 0), int(match["parts"] or 1)))
            for match in own
        )
        return sorted(files, key=lambda file: (file.first, file.share.part))


@dataclasses.dataclass(frozen=True)
class _Rows:
    """A file of those rows of a share whose ids are ``first`` or come after it."""

    name: str
    first: int
    share: Share


_ROWS = re.compile(
    r"(?P<table>.+)/(?P<kind>rows|moments)-(?P<first>\d+)(\.(?P<part>\d+)of(?P<parts>\d+))?\.safetensors"
)

_ADVICE = "delete that checkpoint's folder to go on from the one before it"


def newest(folder: Path) -> Checkpoint | None:
    """Open the checkpoint of the highest step in a folder of checkpoints, or return None if there is none."""
    steps = _steps(folder)
    return Checkpoint.open(folder / str(steps[-1])) if steps else None


def save(
    folder: Path,
    files: Iterable[tuple[str, Tensors]],
    manifest: Mapping[str, Any],
    *,
    keep: int,
    best: int | None = None,
    processes: Processes = ALONE,
) -> None:
    """Write the checkpoint ``folder/<step>`` and then delete all but the ``keep`` newest and that of step ``best``.

    Each of several processes calls this with files of its own.

    Parameters
    ----------
    files
        See :func:`files_of`.
    manifest
        ``step``, ``settings``, ``sections``, ``tables`` (see :func:`shapes_of`), and whatever else the loop wants back.
    keep
        Checkpoints that are kept, at least 1.

    Raises
    ------
    OSError
        It could not be written, for instance because the disk is full. The ones before are whole.
    """
    path = folder / str(manifest["step"])
    with contextlib.ExitStack() as whole_or_not_there:
        temporary = processes.led(lambda: whole_or_not_there.enter_context(_begun(path)))
        written = processes.together(lambda: _write(temporary, files))

        def finish() -> None:
            entries = {name: entry for own in written for name, entry in own.items()}
            whole = {"format": FORMAT, "version": VERSION, **manifest, "files": entries}
            (temporary / "manifest.json").write_text(_io.signed(whole), encoding="utf-8")
            whole_or_not_there.close()
            _tidy(folder, keep, best)

        processes.led(finish)


def _begun(path: Path) -> contextlib.AbstractContextManager[Path]:
    if path.exists() and not (path / "manifest.json").exists():
        shutil.rmtree(path)  # a deletion that was cut short
    return _io.atomic_folder(path)


def _write(folder: Path, files: Iterable[tuple[str, Tensors]]) -> dict[str, dict[str, Any]]:
    """Write files into a folder; return what the manifest says of each."""
    entries = {}
    for name, tensors in files:
        data = safetensors.torch.save(tensors)
        (folder / name).parent.mkdir(exist_ok=True)
        _io.write_bytes(folder / name, data)
        entries[name] = _entry(data)
    return entries


def _tidy(folder: Path, keep: int, best: int | None) -> None:
    for step in _steps(folder)[:-keep]:
        if step == best:
            continue
        (folder / str(step) / "manifest.json").unlink()
        shutil.rmtree(folder / str(step))
    for left in folder.iterdir():  # by a process that was killed as it wrote or deleted: whoever saves holds the run
        if left.name.startswith(".tmp-") or (left.name.isdecimal() and not (left / "manifest.json").exists()):
            shutil.rmtree(left)


def amend(path: Path, changes: Mapping[str, Any]) -> None:
    """Replace entries in the manifest of a checkpoint, whose tensors stay; the old manifest is in force until then."""
    manifest = {**Checkpoint.open(path).manifest, **changes}
    _io.replace_text(path / "manifest.json", _io.signed(manifest))


def files_of(
    module: nn.Module | None, tables: Mapping[str, Table], optimizer: torch.optim.Optimizer | None
) -> Iterator[tuple[str, Tensors]]:
    """Yield the files of a checkpoint: name, and copies of the tensors in it, made when it is asked for.

    Of several processes each yields the rows that it holds; without a module nothing else, which all have alike.
    """
    if module is not None:
        yield "module.safetensors", _copies(module.state_dict())
        if optimizer is not None:
            yield "optimizer.safetensors", _copies(_dense_moments(module, optimizer))
    for name, table in tables.items():
        share = table.share
        part = max(1, PART_BYTES // max(1, table.weight.shape[1] * table.weight.element_size())) * share.parts
        ending = f".{share.part}of{share.parts}" if share.parts > 1 else ""
        for first in range(0, share.rows, part):
            span = slice(share.below(first), share.below(min(first + part, share.rows)))
            if span.start == span.stop:
                continue
            yield f"{name}/rows-{first}{ending}.safetensors", _copies({"weight": table.weight[span]})
            moments = {moment: tensor[span] for moment, tensor in table.moments.items()}
            yield f"{name}/moments-{first}{ending}.safetensors", _copies(moments)


def shapes_of(tables: Mapping[str, Table]) -> dict[str, dict[str, int]]:
    """Return what a manifest says of tables: rows, width, and the steps that moved them."""
    return {
        name: {"rows": table.share.rows, "width": table.weight.shape[1], "steps": table.steps}
        for name, table in tables.items()
    }


def size_of(module: nn.Module | None, tables: Mapping[str, Table], optimizer: torch.optim.Optimizer | None) -> int:
    """Return the bytes of all tensors that :func:`files_of` yields."""
    tensors = list(module.state_dict().values()) if module is not None else []
    tensors += _dense_moments(module, optimizer).values() if module is not None and optimizer is not None else ()
    for table in tables.values():
        tensors += [table.weight, *table.moments.values()]
    return sum(tensor.nbytes for tensor in tensors)


def _dense_moments(module: nn.Module, optimizer: torch.optim.Optimizer) -> Tensors:
    return {
        f"{name}/{moment}": tensor
        for name, parameter in module.named_parameters()
        for moment, tensor in optimizer.state.get(parameter, {}).items()
    }


def _copies(tensors: Mapping[str, Tensor]) -> Tensors:
    """In host memory, none sharing it with another, as tied parameters do: the format refuses those."""
    contiguous = torch.contiguous_format
    return {name: tensor.detach().to("cpu", copy=True, memory_format=contiguous) for name, tensor in tensors.items()}


def _steps(folder: Path) -> list[int]:
    """Steps of the checkpoints in a folder, ascending; a folder without a manifest is none."""
    found: Iterable[Path] = folder.iterdir() if folder.is_dir() else ()
    return sorted(int(path.name) for path in found if path.name.isdecimal() and (path / "manifest.json").exists())


def _entry(data: bytes) -> dict[str, Any]:
    return {"bytes": len(data), "blake2b": hashlib.blake2b(data, digest_size=32).hexdigest()}
