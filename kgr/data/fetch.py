"""Fetch one file whole or not at all: several sources, resume, size and checksum before it is seen.

The bytes gather in ``.<name>.part`` beside the target, which survives a kill and is taken up again
by Range; only when size and checksum agree is it synced and renamed to the target.
"""

from __future__ import annotations

import hashlib
import http.client
import json
import os
import shutil
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from kgr import _io
from kgr.errors import FetchError

Progress = Callable[[str, int, int | None], None]
"""Called with a file's name, its bytes at hand and its size (None when not known)."""

BLOCK = 1 << 17


@dataclass(frozen=True)
class RemoteFile:
    """A file that is known by its checksum, and where it can be had.

    Attributes
    ----------
    path : str
        Where it lies in a mirror.
    urls : tuple of str
        Its published addresses, http or https.
    size : int or None
        In bytes, where it is known.
    sha256, git_sha1, md5 : str or None
        At least one is given. The second is git's name for the bytes: ``sha1("blob <size>\\0" + bytes)``.
    unverified : bool
        No checksum is published: what comes first is believed, and its checksum kept (see :func:`pinned`).
    """

    path: str
    urls: tuple[str, ...] = ()
    size: int | None = None
    sha256: str | None = None
    git_sha1: str | None = None
    md5: str | None = None
    unverified: bool = False

    def __post_init__(self) -> None:
        if not (self.has_checksum or self.unverified):
            expected = "none of sha256, git_sha1 and md5 is given"
            raise ValueError(f"{self.path}: {expected}, so a download could not be verified")

    @property
    def has_checksum(self) -> bool:
        """Whether its bytes can be told from others."""
        return bool(self.sha256 or self.git_sha1 or self.md5)

    def fault(self, path: Path) -> str | None:
        """Say in words why the bytes at ``path`` are not this file's; None when they are."""
        size = path.stat().st_size
        if self.size is not None and size != self.size:
            return f"{size:,} bytes where {self.size:,} are expected"
        if self.sha256 and (found := _hash(path, hashlib.sha256())) != self.sha256:
            return f"sha256 {found} where {self.sha256} is expected"
        git = hashlib.sha1(b"blob %d\0" % size, usedforsecurity=False)
        if self.git_sha1 and (found := _hash(path, git)) != self.git_sha1:
            return f"git sha1 {found} where {self.git_sha1} is expected"
        if self.md5 and (found := _hash(path, hashlib.md5(usedforsecurity=False))) != self.md5:
            return f"md5 {found} where {self.md5} is expected"
        return None


@dataclass(frozen=True)
class Patience:
    """How long to try one source: tries without progress, first pause and time-out in seconds."""

    tries: int = 4
    pause: float = 0.5
    timeout: float = 30.0


def fetch(
    file: RemoteFile,
    to: Path,
    *,
    mirror: str | None = None,
    pin: Path | None = None,
    message: Callable[[str], None] | None = None,
    progress: Progress | None = None,
    patience: Patience | None = None,
) -> Path:
    """Bring ``file`` to the path ``to`` and return it; a right file that is there already is kept.

    Sources are tried in order: the mirrors (folders or URLs with commas between; by default the
    environment's ``KGR_MIRROR``), then the file's own addresses. Two processes may ask for the same file
    at once. Proxies and certificates are the environment's: ``https_proxy``, ``no_proxy``, ``SSL_CERT_FILE``.

    Where no checksum is published, that of the first download is kept in the file ``pin``, which is told to
    ``message``, and holds from then on.

    Raises
    ------
    FetchError
        No source gave the file whole; every source is named with its reason.
    """
    to.parent.mkdir(parents=True, exist_ok=True)
    with _io.locked(to.with_name(f".{to.name}.lock"), wait=True):
        file, first = pinned(file, pin), file
        if to.is_file() and file.has_checksum and file.fault(to) is None:
            return to
        part = to.with_name(f".{to.name}.part")
        refusals = []
        for source in _sources(file, os.environ.get("KGR_MIRROR") if mirror is None else mirror):
            if not file.has_checksum:  # bytes of two sources or two sittings need not fit together
                _truncate(part)
            refusal = _try(source, file, part, progress, patience or Patience())
            if refusal is None:
                if not file.has_checksum:
                    _keep_pin(file, part, pin, message)
                return _publish(part, to)
            refusals.append(f"{source}: {refusal}")
    reasons = "; ".join(refusals) or "it has no published address and no mirror is set"
    remedy = f"Set KGR_MIRROR to a folder or URL that holds {file.path}"
    if file is not first:
        remedy += f". What is expected is its first download, kept in {pin}: remove that to believe the next one"
    raise FetchError(f"{file.path} cannot be fetched: {reasons}. {remedy}")


def pinned(file: RemoteFile, pin: Path | None) -> RemoteFile:
    """Return the file with the checksum that was kept of its first download, where it has none of its own.

    Raises
    ------
    FetchError
        What was kept cannot be read.
    """
    if file.has_checksum or pin is None or not pin.is_file():
        return file
    try:
        kept = json.loads(pin.read_text(encoding="utf-8"))
        return replace(file, size=int(kept["size"]), sha256=str(kept["sha256"]))
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise FetchError(f"{pin}: found no size and sha256: remove it to believe the next download of it") from error


def _keep_pin(file: RemoteFile, part: Path, pin: Path | None, message: Callable[[str], None] | None) -> None:
    size, sha256 = part.stat().st_size, _hash(part, hashlib.sha256())
    if pin is not None:
        pin.parent.mkdir(parents=True, exist_ok=True)
        _io.replace_text(pin, json.dumps({"size": size, "sha256": sha256}) + "\n")
    if message:
        kept = f"kept in {pin} and holds from now on" if pin is not None else "not kept"
        message(f"{file.path}: no checksum is published; that of this download, sha256 {sha256}, is {kept}")


def _sources(file: RemoteFile, mirror: str | None) -> Iterator[str | Path]:
    for place in mirrors(mirror or ""):
        yield f"{place.rstrip('/')}/{file.path}" if _is_url(place) else Path(place).expanduser() / file.path
    yield from file.urls


def mirrors(text: str) -> list[str]:
    """Return mirrors that stand with commas between; a folder whose name has one is itself."""
    if Path(text).is_dir():
        return [text] if text else []
    return [place for part in text.split(",") if (place := part.strip())]


def _is_url(text: str) -> bool:
    return text.startswith(("http://", "https://"))


def _try(source: str | Path, file: RemoteFile, part: Path, progress: Progress | None, patience: Patience) -> str | None:
    """Fill ``part`` from one source; None when its bytes are the file's, else why not."""
    if isinstance(source, Path):
        return _copy(source, file, part, progress)
    if not _is_url(source):
        return "not an http or https address"
    return _download(source, file, part, progress, patience)


def _copy(source: Path, file: RemoteFile, part: Path, progress: Progress | None) -> str | None:
    try:
        shutil.copyfile(source, part)
    except OSError as error:
        return error.strerror or str(error)
    size = part.stat().st_size
    if progress:
        progress(file.path, size, size)
    return file.fault(part)


def _download(url: str, file: RemoteFile, part: Path, progress: Progress | None, patience: Patience) -> str | None:
    """Try ``url`` until the part is right; tries are counted anew whenever it is longer than ever."""
    tries, longest, refusal = 0, _size(part), "not tried"
    version: dict[str, str] = {}
    if longest and longest == file.size and file.fault(part) is None:
        return None
    while tries < patience.tries:
        time.sleep(patience.pause * 2 ** (tries - 1) if tries else 0)
        tries += 1
        try:
            _receive(url, file, part, version, progress, patience.timeout)
        except urllib.error.HTTPError as error:
            error.close()
            refusal = f"HTTP {error.code} {error.reason}"
            if 400 <= error.code < 500 and error.code not in (408, 416, 425, 429):
                return refusal
            if error.code == 416:  # nothing lies behind the part's end: it is none of this file
                _truncate(part)
        except (OSError, http.client.HTTPException) as error:
            refusal = str(getattr(error, "reason", error)) or type(error).__name__
        else:
            wrong = file.fault(part)
            if wrong is None:
                return None
            refusal = wrong
            _truncate(part)
        if _size(part) > longest:
            tries, longest = 0, _size(part)
    return f"{refusal} (after {patience.tries} tries)"


def _receive(
    url: str, file: RemoteFile, part: Path, version: dict[str, str], progress: Progress | None, timeout: float
) -> None:
    """Append what follows the part's end; a server that ignores Range sends all, so begin anew.

    Raises OSError when the answer ends early or does not fit.
    """
    offset = _size(part)
    if (file.size is not None and offset >= file.size) or not (file.has_checksum or version):
        _truncate(part)
        offset = 0
    headers = {"User-Agent": "kgr", "Accept-Encoding": "identity"}
    if offset:
        headers |= {"Range": f"bytes={offset}-", **version}
    opener = urllib.request.build_opener()  # reads the environment's proxies now; the library's own keeps the first
    with opener.open(urllib.request.Request(url, headers=headers), timeout=timeout) as answer:
        if answer.status == 206 and _starts_at(answer.headers.get("Content-Range", "")) != offset:
            _truncate(part)
            raise OSError("the server answered with another range than was asked for")
        if answer.status != 206:
            offset = 0
            if not file.has_checksum:
                _note_version(answer, file, version)
        with part.open("r+b" if offset else "wb") as out:
            out.seek(offset)
            end = _pour(answer, out, file, offset, progress)
        promised = answer.headers.get("Content-Length")
        whole = file.size if promised is None else offset + int(promised)
        if whole is not None and end < max(whole, file.size or 0):
            raise OSError(f"the answer ended after {end:,} bytes of {max(whole, file.size or 0):,}")


def _note_version(answer: Any, file: RemoteFile, version: dict[str, str]) -> None:
    """Note what tells this version of a file without checksum from others: only of it a rest may be asked for."""
    version.clear()
    mark = answer.headers.get("ETag", "")
    if mark.startswith('"'):
        version["If-Range"] = mark
    if answer.length is None and not answer.chunked and file.size is None:
        raise OSError("neither size nor checksum is known, so a cut would not be seen")


def _pour(answer: Any, out: Any, file: RemoteFile, end: int, progress: Progress | None) -> int:
    """Copy the answer's body; return where the part ends now."""
    while block := answer.read1(BLOCK):  # what has come: a killed process leaves all of it behind
        out.write(block)
        end += len(block)
        if progress:
            progress(file.path, end, file.size)
        if file.size is not None and end > file.size:
            raise OSError(f"the answer is longer than the {file.size:,} bytes that are expected")
    return end


def _starts_at(content_range: str) -> int:
    start = content_range.removeprefix("bytes ").split("-")[0].strip()
    return int(start) if start.isdigit() else -1


def _publish(part: Path, to: Path) -> Path:
    with part.open("rb") as handle:
        os.fsync(handle.fileno())
    part.replace(to)
    folder = os.open(to.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
    return to


def _size(part: Path) -> int:
    return part.stat().st_size if part.exists() else 0


def _truncate(part: Path) -> None:
    if part.exists():
        os.truncate(part, 0)


def _hash(path: Path, digest: Any) -> str:
    with path.open("rb") as handle:
        while block := handle.read(1 << 20):
            digest.update(block)
    return str(digest.hexdigest())
