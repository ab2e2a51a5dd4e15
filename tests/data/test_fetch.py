"""A file arrives whole or not at all, whatever the server does."""

from __future__ import annotations

import hashlib
import multiprocessing
import random
import shutil
import ssl
import subprocess
import threading
import time
from contextlib import AbstractContextManager
from pathlib import Path

import faulty_server
import pytest
from benchmarks.fetch import downloads
from faulty_server import FaultyServer

from kgr.data.fetch import Patience, RemoteFile, fetch, mirrors
from kgr.errors import FetchError

DATA = random.Random(3).randbytes(300_000)
SHA256 = hashlib.sha256(DATA).hexdigest()
QUICK = Patience(tries=4, pause=0.001, timeout=5.0)


def serving(*faults: str, then: str = "ok") -> AbstractContextManager[FaultyServer]:
    return faulty_server.serving(DATA, *faults, then=then)


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


@pytest.mark.parametrize(
    "wrong", [{"sha256": "0" * 64}, {"size": 7}, {"size": len(DATA) + 7}, {"git_sha1": "0" * 40}, {"md5": "0" * 32}]
)
def test_refuses_other_bytes(tmp_path: Path, wrong: dict[str, object]) -> None:
    with serving() as server, pytest.raises(FetchError, match=r"expected|ended|416"):
        fetch(remote(server.url(), **wrong), tmp_path / "file.bin", patience=QUICK)
    assert not (tmp_path / "file.bin").exists()


@pytest.mark.parametrize(
    "other",
    [
        {"git_sha1": hashlib.sha1(b"blob %d\0" % len(DATA) + DATA).hexdigest()},
        {"md5": hashlib.md5(DATA).hexdigest()},
    ],
    ids=lambda other: next(iter(other)),
)
def test_another_checksum_suffices(tmp_path: Path, other: dict[str, object]) -> None:
    with serving("flip") as server:
        file = remote(server.url(), size=None, sha256=None, **other)
        assert fetch(file, tmp_path / "file.bin", patience=QUICK).read_bytes() == DATA


def test_a_checksum_is_required() -> None:
    with pytest.raises(ValueError, match="none of sha256, git_sha1 and md5 is given"):
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


def download(to: str, url: str) -> None:
    """What a child process does."""
    fetch(remote(url), Path(to), mirror="", patience=QUICK)


def test_resumed_after_kill(tmp_path: Path) -> None:
    to, part = tmp_path / "file.bin", tmp_path / ".file.bin.part"
    with serving(then="drip:0.02") as server:
        before = 0
        for _ in range(3):
            child = multiprocessing.get_context("spawn").Process(target=download, args=(str(to), server.url()))
            child.start()
            while child.is_alive() and (part.stat().st_size if part.exists() else 0) <= before:
                time.sleep(0.001)
            child.kill()
            child.join()
            assert not to.exists()
            assert before < part.stat().st_size < len(DATA)
            before = part.stat().st_size
        fetch(remote(server.url()), to, patience=QUICK)
    assert to.read_bytes() == DATA
    assert server.ranges[-1] == f"bytes={before}-"


def test_a_stalled_answer_is_given_up_and_taken_up_again(tmp_path: Path) -> None:
    with serving("stall:1") as server:
        file = remote(server.url(), size=None)
        to = fetch(file, tmp_path / "file.bin", patience=Patience(tries=3, pause=0.0, timeout=0.2))
    assert to.read_bytes() == DATA
    assert len(server.ranges) >= 2


def test_several_mirrors(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "a,b"  # a comma in the name of a folder that is there divides nothing
    (folder / "some").mkdir(parents=True)
    assert mirrors(str(folder)) == [str(folder)]
    assert mirrors("") == []
    with serving(then="status:404") as one, serving() as two:
        places = f"{tmp_path / 'none'}, {one.url('x')}/ ,{two.url('y')}"
        monkeypatch.setenv("KGR_MIRROR", places)
        assert mirrors(places) == [str(tmp_path / "none"), one.url("x") + "/", two.url("y")]
        to = fetch(remote(), tmp_path / "file.bin", patience=QUICK)
    assert to.read_bytes() == DATA
    assert (one.asked, two.asked) == (["/x/some/file.bin"], ["/y/some/file.bin"])


def test_a_proxy_of_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("no_proxy", raising=False)
    monkeypatch.delenv("NO_PROXY", raising=False)
    with serving() as proxy:
        monkeypatch.setenv("http_proxy", proxy.url("")[:-1])
        fetch(remote("http://nowhere.invalid/file.bin"), tmp_path / "file.bin", patience=QUICK)
    assert proxy.asked == ["http://nowhere.invalid/file.bin"]


@pytest.mark.skipif(shutil.which("openssl") is None, reason="needs openssl, to make a certificate")
def test_a_certificate_of_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("https_proxy", "HTTPS_PROXY"):
        monkeypatch.delenv(name, raising=False)
    key, certificate = tmp_path / "key.pem", tmp_path / "certificate.pem"
    make = "openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=localhost -addext subjectAltName=IP:127.0.0.1"
    subprocess.run([*make.split(), "-keyout", key, "-out", certificate], check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    with serving() as server:
        server.socket = context.wrap_socket(server.socket, server_side=True)
        file = remote(server.url().replace("http:", "https:"))
        with pytest.raises(FetchError, match="CERTIFICATE_VERIFY_FAILED"):
            fetch(file, tmp_path / "file.bin", patience=Patience(tries=1))
        monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
        assert fetch(file, tmp_path / "file.bin", patience=QUICK).read_bytes() == DATA


class TestWithoutChecksum:
    """The first download is believed, and its checksum kept."""

    @staticmethod
    def file(*urls: str) -> RemoteFile:
        return RemoteFile("some/file.bin", urls, unverified=True)

    def test_first_is_kept_and_holds(self, tmp_path: Path) -> None:
        pin, to = tmp_path / "pins/some/file.json", tmp_path / "file.bin"
        said: list[str] = []
        (tmp_path / ".file.bin.part").write_bytes(b"from another sitting")
        to.write_bytes(b"from somewhere else")
        with serving() as server:
            fetch(self.file(server.url()), to, pin=pin, message=said.append, patience=QUICK)
            assert server.ranges == [None]
            assert to.read_bytes() == DATA
            assert [SHA256 in line and str(pin) in line for line in said] == [True]
            fetch(self.file(server.url()), to, pin=pin, message=said.append, patience=QUICK)
            assert len(server.ranges) == len(said) == 1
        to.unlink()
        with serving("flip", "cut:1000") as server:
            fetch(self.file(server.url()), to, pin=pin, patience=QUICK)
            assert to.read_bytes() == DATA
        to.unlink()
        with serving(then="flip") as server, pytest.raises(FetchError, match=f"where {SHA256} is expected"):
            fetch(self.file(server.url()), to, pin=pin, patience=QUICK)
        pin.write_text("{}")
        with pytest.raises(FetchError, match=r"file\.json: found no size and sha256"):
            fetch(self.file(), to, pin=pin)

    def test_taken_up_only_of_the_same_version(self, tmp_path: Path) -> None:
        with serving("cut:1000", "cut:2000") as server:
            server.etag = '"one"'
            fetch(self.file(server.url()), tmp_path / "a", patience=QUICK)
            assert server.ranges == [None, "bytes=1000-", "bytes=3000-"]
        with serving("cut:1000") as server:  # nothing says which version it is
            fetch(self.file(server.url()), tmp_path / "b", patience=QUICK)
            assert server.ranges == [None, None]
        assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes() == DATA

        def changes(number: int) -> str:
            server.etag = f'"{number}"'
            server.data = DATA if number == 0 else DATA[::-1]
            return "cut:1000" if number == 0 else "ok"

        with faulty_server.served_by(DATA, changes) as server:
            fetch(self.file(server.url()), tmp_path / "c", patience=QUICK)
        assert (tmp_path / "c").read_bytes() == DATA[::-1]

    def test_a_length_is_needed(self, tmp_path: Path) -> None:
        with serving(then="lengthless:5000") as server, pytest.raises(FetchError, match="a cut would not be seen"):
            fetch(self.file(server.url()), tmp_path / "file.bin", patience=QUICK)
        assert not (tmp_path / "file.bin").exists()


def test_no_wrong_file_from_faulty_mirrors(tmp_path: Path) -> None:
    """The short form of tests/benchmarks/fetch.py."""
    found = downloads(tmp_path, 60, size=300_000, kill_every=30, seed=11)
    assert found["wrong"] == 0
    assert found["whole"] == 60
    assert found["kills"] == 2
    assert found["resumed_after_kill"] == 2
    assert found["bytes_sent_per_byte"] < 2.5
