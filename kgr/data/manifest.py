"""What is known of a data set: its files with their checksums, its licence, its counts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from kgr._config import read_toml
from kgr.data.fetch import RemoteFile
from kgr.errors import ConfigError

FILE_FIELDS = {
    *("embedded", "path", "urls", "size", "sha256", "git_sha1", "md5", "unverified"),
    *("optional", "partial", "instead_of", "members"),
}
FIELDS = {"title", "reader", "licence", "restrictions", "source", "remedy", "untested", "counts", "files"}


@dataclass(frozen=True)
class KnownFile:
    """One file of a data set.

    Attributes
    ----------
    embedded : Path or None
        It travels with the package; otherwise it is fetched.
    file : RemoteFile or None
        Checksum and addresses; an embedded file may do without.
    optional : bool
        The set can be built without it.
    partial : bool
        The set needs it, but what is left without it still loads where a part is asked for.
    instead_of : tuple of str
        Where it names files, it is wanted only when one of them cannot be had.
    members : by what its reader calls it, such as a split, the member of an archive that holds it
    """

    embedded: Path | None = None
    file: RemoteFile | None = None
    optional: bool = False
    partial: bool = False
    instead_of: tuple[str, ...] = ()
    members: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Manifest:
    """A known data set.

    ``reader`` names what turns its files into a store; ``counts`` are checked when it is built.
    ``restrictions`` says what its licence asks of users beyond naming the source, and is told whenever
    files are fetched; empty where there is nothing. ``remedy`` says what else can be done when a file that is needed
    cannot be had. ``untested`` sets have never been built by kgr's tests.
    """

    name: str
    title: str
    reader: str
    licence: str
    source: str
    counts: Mapping[str, int]
    files: Mapping[str, KnownFile]
    path: Path
    restrictions: str = ""
    remedy: str = ""
    untested: bool = False


def read_manifest(path: Path) -> Manifest:
    """Read a ``manifest.toml``; the data set bears its folder's name.

    Raises
    ------
    ConfigError
        A missing or unknown field, or a file without checksum.
    """
    table = read_toml(path)
    _only(table, FIELDS, str(path))
    try:
        files = {name: _file(row, path, f"{path}: files.{name}") for name, row in table["files"].items()}
        words: dict[str, Any] = {name: str(table[name]) for name in ("title", "reader", "licence", "source")}
    except KeyError as error:
        raise ConfigError(f"{path}: {error.args[0]} is missing") from None
    words |= {name: table[name] for name in ("restrictions", "remedy", "untested") if name in table}
    return Manifest(path.parent.name, counts=table.get("counts", {}), files=files, path=path, **words)


def _file(row: dict[str, Any], manifest: Path, where: str) -> KnownFile:
    _only(row, FILE_FIELDS, where)
    rest: dict[str, Any] = {name: row[name] for name in ("optional", "partial", "members") if name in row}
    others = row.get("instead_of", ())
    rest["instead_of"] = (others,) if isinstance(others, str) else tuple(others)
    known = {name: row[name] for name in ("path", "size", "sha256", "git_sha1", "md5", "unverified") if name in row}
    try:
        if "embedded" in row:
            verified = RemoteFile(row["embedded"], **known) if known else None
            return KnownFile(manifest.parent / row["embedded"], verified, **rest)
        if "path" not in row:
            raise ValueError("neither embedded nor path is given")
        return KnownFile(None, RemoteFile(urls=tuple(row.get("urls", ())), **known), **rest)
    except (TypeError, ValueError) as error:
        raise ConfigError(f"{where}: {error}") from None


def _only(table: Mapping[str, Any], fields: set[str], where: str) -> None:
    if unknown := sorted(set(table) - fields):
        raise ConfigError(f"{where}: unknown field {unknown[0]!r}, expected {', '.join(sorted(fields))}")
