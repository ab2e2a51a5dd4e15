"""A file arrives whole or not at all, whatever the server does."""

from __future__ import annotations

import hashlib
import random
import re
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from kgr.data.fetch import Patience, RemoteFile, fetch
from kgr.errors import FetchError

DATA = random.Random(3).randbytes(300_000)
SHA256 = hashlib.sha256(DATA).hexdigest()
QUICK = Patience(tries=4, pause=0.001, timeout=5.0)


class FaultyServer(ThreadingHTTPServer):
    """Serves DATA; ``behave(request number)`` names the fault of each answer."""

    daemon_threads = True

    def __init__(self, behave: Callable[[int], str]) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.behave = behave
        self.ranges: list[str | None] = []
        self.sent = 0
        self.counting = threading.Lock()

    def url(self, path: str = "some/file.bin") -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/{path}"


class Handler(BaseHTTPRequestHandler):
    server: FaultyServer

    def do_GET(self) -> None:
        wanted = self.headers.get("Range")
        with self.server.counting:
            number = len(self.server.ranges)
            self.server.ranges.append(wanted)
        fault, _, amount = self.server.behave(number).partition(":")
        if fault == "status":
            self.send_error(int(amount))
            return
        start = int(re.fullmatch(r"bytes=(\d+)-", wanted)[1]) if wanted and fault != "ignore" else 0
        if start >= len(DATA):
            self.send_error(416)
            return
        body = bytearray(DATA[start:])
        if fault == "flip":
            body[len(body) // 2] ^= 1
        if fault == "longer":
            body += b"more"
        self.send_response(206 if start else 200)
        if start:
            first = start + 1 if fault == "shifted" else start
            self.send_header("Content-Range", f"bytes {first}-{len(DATA) - 1}/{len(DATA)}")
        if fault != "lengthless":
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if fault in ("cut", "lengthless", "ignore") and amount:
            body = body[: int(amount)]
        self.wfile.write(body)
        self.server.sent += len(body)

    def log_message(self, *arguments: object) -> None:
        pass


@contextmanager
def serving(*faults: str, then: str = "ok") -> Iterator[FaultyServer]:
    """Serve with one fault per request, and ``then`` for all that follow."""
    with served_by(lambda number: faults[number] if number < len(faults) else then) as server:
        yield server


@contextmanager
def served_by(behave: Callable[[int], str]) -> Iterator[FaultyServer]:
    with FaultyServer(behave) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()


def remote(*urls: str, **known: object) -> RemoteFile:
    return RemoteFile("some/file.bin", urls, **({"size": len(DATA), "sha256": SHA256} | known))  # type: ignore[arg-type]


@pytest.fixture(autouse=True)
def no_mirror(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("KGR_MIRROR", raising=False)


@pytest.mark.parametrize(
    "faults",
    [
        [],
        ["cut:100000"],
        ["cut:0", "cut:1", "cut:70000"],
        ["flip"],
        ["status:500", "status:503"],
        ["cut:1000", "ignore"],
        ["cut:1000", "ignore:5000", "status:500"],
        ["cut:1000", "shifted"],
        ["lengthless:5000", "lengthless"],
        ["longer"],
        ["cut:1000", "longer"],
        ["cut:1000", "flip", "cut:2000", "status:429"],
    ],
    ids=" ".join,
)
@pytest.mark.parametrize("sized", [True, False])
def test_gets_the_file_through_faults(tmp_path: Path, faults: list[str], sized: bool) -> None:
    if not sized and faults[:1] == ["lengthless:5000"]:
        faults = ["lengthless"]  # an end that nothing announces is an end
    with serving(*faults) as server:
        to = fetch(remote(server.url(), size=len(DATA) if sized else None), tmp_path / "file.bin", patience=QUICK)
    assert to.read_bytes() == DATA
    assert not (tmp_path / ".file.bin.part").exists()


def test_resumes_where_it_was_cut(tmp_path: Path) -> None:
    with serving("cut:100000", "cut:50000") as server:
        fetch(remote(server.url()), tmp_path / "file.bin", patience=QUICK)
    assert server.ranges == [None, "bytes=100000-", "bytes=150000-"]
    assert server.sent == len(DATA)


def test_takes_up_what_a_killed_process_left(tmp_path: Path) -> None:
    (tmp_path / ".file.bin.part").write_bytes(DATA[:1234])
    with serving() as server:
        fetch(remote(server.url()), tmp_path / "file.bin", patience=QUICK)
    assert server.ranges == ["bytes=1234-"]


def test_progress_without_end_does_not_use_up_tries(tmp_path: Path) -> None:
    with serving(then="cut:20000") as server:
        to = fetch(remote(server.url()), tmp_path / "file.bin", patience=QUICK)
    assert to.read_bytes() == DATA
    assert len(server.ranges) == 15


def test_what_lies_there_already(tmp_path: Path) -> None:
    to = tmp_path / "file.bin"
    with serving() as server:
        to.write_bytes(DATA)
        fetch(remote(server.url()), to, patience=QUICK)
        assert server.ranges == []
        to.write_bytes(DATA[:-1])  # damaged: fetched anew
        fetch(remote(server.url()), to, patience=QUICK)
    assert to.read_bytes() == DATA


@pytest.mark.parametrize("wrong", [{"sha256": "0" * 64}, {"size": 7}, {"size": len(DATA) + 7}, {"git_sha1": "0" * 40}])
def test_refuses_other_bytes(tmp_path: Path, wrong: dict[str, object]) -> None:
    with serving() as server, pytest.raises(FetchError, match=r"expected|ended|416"):
        fetch(remote(server.url(), **wrong), tmp_path / "file.bin", patience=QUICK)
    assert not (tmp_path / "file.bin").exists()


def test_git_sha1_suffices(tmp_path: Path) -> None:
    git = hashlib.sha1(b"blob %d\0" % len(DATA) + DATA).hexdigest()
    with serving("flip") as server:
        file = remote(server.url(), size=None, sha256=None, git_sha1=git)
        assert fetch(file, tmp_path / "file.bin", patience=QUICK).read_bytes() == DATA


def test_a_checksum_is_required() -> None:
    with pytest.raises(ValueError, match="neither sha256 nor git_sha1"):
        RemoteFile("x", size=3)


def test_next_source_and_every_reason_named(tmp_path: Path) -> None:
    with serving(then="flip") as wrong, serving(then="status:404") as missing, serving(then="status:500") as broken:
        file = remote(wrong.url("a"), missing.url("b"), broken.url("c"), "file:///etc/passwd")
        with pytest.raises(FetchError) as caught:
            fetch(file, tmp_path / "file.bin", mirror=str(tmp_path / "none"), patience=QUICK)
        message = str(caught.value)
        for part in (f"{tmp_path}/none/some/file.bin: No such file", f"{wrong.url('a')}: sha256", "is expected"):
            assert part in message
        for part in (f"{missing.url('b')}: HTTP 404", f"{broken.url('c')}: HTTP 500", "not an http", "KGR_MIRROR"):
            assert part in message
        assert len(missing.ranges) == 1
        assert len(broken.ranges) == 4
        with serving() as right:
            to = fetch(remote(wrong.url(), right.url()), tmp_path / "file.bin", patience=QUICK)
    assert to.read_bytes() == DATA


def test_mirror_folder_and_url_come_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "mirror/some").mkdir(parents=True)
    (tmp_path / "mirror/some/file.bin").write_bytes(DATA)
    seen: list[tuple[str, int, int | None]] = []
    with serving(then="status:500") as server:
        monkeypatch.setenv("KGR_MIRROR", str(tmp_path / "mirror"))
        to = fetch(remote(server.url()), tmp_path / "a", progress=lambda *step: seen.append(step), patience=QUICK)
        assert to.read_bytes() == DATA
        assert server.ranges == []
    assert seen == [("some/file.bin", len(DATA), len(DATA))]
    with serving() as server:
        monkeypatch.setenv("KGR_MIRROR", server.url("")[:-1])
        fetch(remote("http://127.0.0.1:9/"), tmp_path / "b", progress=lambda *step: seen.append(step), patience=QUICK)
    assert seen[-1] == ("some/file.bin", len(DATA), len(DATA))
    (tmp_path / "mirror/some/file.bin").write_bytes(DATA[1:] + b"x")
    with serving() as server:  # a mirror that holds something else is no obstacle
        to = fetch(remote(server.url()), tmp_path / "c", mirror=str(tmp_path / "mirror"), patience=QUICK)
    assert to.read_bytes() == DATA


def test_two_ask_at_once(tmp_path: Path) -> None:
    with serving() as server:
        file, to = remote(server.url()), tmp_path / "file.bin"
        threads = [threading.Thread(target=fetch, args=(file, to), kwargs={"patience": QUICK}) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert to.read_bytes() == DATA
    assert len(server.ranges) == 1


def test_no_wrong_file_from_faulty_mirrors(tmp_path: Path) -> None:
    draw = random.Random(11)

    def behave(number: int) -> str:
        size = draw.randrange(len(DATA))
        return draw.choice(["ok", f"cut:{size}", "flip", "status:500", "ignore", f"ignore:{size}", "longer", "shifted"])

    with served_by(behave) as one, served_by(behave) as two:
        for number in range(60):
            to = fetch(remote(one.url(), two.url()), tmp_path / str(number), patience=Patience(12, 0.0, 5.0))
            assert to.read_bytes() == DATA
