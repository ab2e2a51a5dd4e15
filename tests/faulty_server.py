"""A server on the loopback that cuts, delays, flips bytes, answers with errors or ignores Range, as it is told."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class FaultyServer(ThreadingHTTPServer):
    """Serves ``data``; ``behave(request number)`` names the fault of each answer, such as ``cut:1000``."""

    daemon_threads = True

    def __init__(self, data: bytes, behave: Callable[[int], str]) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.data = data
        self.behave = behave
        self.ranges: list[str | None] = []
        self.asked: list[str] = []
        self.etag: str | None = None
        self.sent = 0
        self.counting = threading.Lock()

    def url(self, path: str = "some/file.bin") -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/{path}"

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that was killed is no error here."""


class Handler(BaseHTTPRequestHandler):
    server: FaultyServer

    def do_GET(self) -> None:
        wanted = self.headers.get("Range")
        with self.server.counting:
            number = len(self.server.ranges)
            self.server.ranges.append(wanted)
            self.server.asked.append(self.path)
        fault, _, amount = self.server.behave(number).partition(":")
        data = self.server.data
        if fault == "status":
            self.send_error(int(amount))
            return
        other = self.headers.get("If-Range") not in (None, self.server.etag)
        start = 0 if other or not wanted or fault == "ignore" else int(re.fullmatch(r"bytes=(\d+)-", wanted)[1])
        if start >= len(data):
            self.send_error(416)
            return
        body = bytearray(data[start:])
        if fault == "flip":
            body[len(body) // 2] ^= 1
        if fault == "longer":
            body += b"more"
        self._head(fault, start, len(body))
        if fault in ("cut", "lengthless", "ignore") and amount:
            body = body[: int(amount)]
        self._send(body, float(amount) if fault == "drip" else 0.0)
        if fault == "stall":
            time.sleep(float(amount))

    def _head(self, fault: str, start: int, length: int) -> None:
        size = len(self.server.data)
        self.send_response(206 if start else 200)
        if start:
            self.send_header("Content-Range", f"bytes {start + (fault == 'shifted')}-{size - 1}/{size}")
        if fault != "lengthless":
            self.send_header("Content-Length", str(length + (fault == "stall")))
        if self.server.etag:
            self.send_header("ETag", self.server.etag)
        self.end_headers()

    def _send(self, body: bytearray, pause: float) -> None:
        step = 20_000 if pause else len(body)
        for at in range(0, len(body), step or 1):
            self.wfile.write(body[at : at + step])
            self.server.sent += len(body[at : at + step])
            time.sleep(pause)

    def log_message(self, *arguments: object) -> None:
        pass


@contextmanager
def served_by(data: bytes, behave: Callable[[int], str]) -> Iterator[FaultyServer]:
    """Serve with the fault that ``behave`` names for each request."""
    with FaultyServer(data, behave) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()


@contextmanager
def serving(data: bytes, *faults: str, then: str = "ok") -> Iterator[FaultyServer]:
    """Serve with one fault per request, and ``then`` for all that follow."""
    with served_by(data, lambda number: faults[number] if number < len(faults) else then) as server:
        yield server
