"""Ctrl-C held back until the state is whole."""

from __future__ import annotations

import contextlib
import signal
import threading
from collections.abc import Callable, Iterator
from types import FrameType, TracebackType


class Interrupts:
    """A context in which the first Ctrl-C calls ``stop`` and is raised when it is left, the second at once.

    Only in the main thread, where signals arrive, and only in place of Python's own handler: a
    program that handles SIGINT otherwise keeps its way.
    """

    def __init__(self, stop: Callable[[], None]) -> None:
        self.count = 0
        self._stop = stop
        self._raising = False
        self._held = False

    def __enter__(self) -> Interrupts:
        main = threading.current_thread() is threading.main_thread()
        self._held = main and signal.getsignal(signal.SIGINT) is signal.default_int_handler
        if self._held:
            signal.signal(signal.SIGINT, self._handle)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        if self._held:
            signal.signal(signal.SIGINT, signal.default_int_handler)
        if error is None:
            self.check()

    def note(self) -> None:
        """Take a Ctrl-C that has come to another process for one of this."""
        self.count = max(1, self.count)

    def check(self) -> None:
        """Raise the Ctrl-C that has come, if any."""
        if self.count:
            raise KeyboardInterrupt

    @contextlib.contextmanager
    def raised(self) -> Iterator[None]:
        """Within the block, which changes nothing, raise Ctrl-C at once."""
        self.check()
        self._raising = True
        try:
            yield
        finally:
            self._raising = False

    def _handle(self, _: int, __: FrameType | None) -> None:
        self.count += 1
        self._stop()
        if self._raising or self.count > 1:
            raise KeyboardInterrupt
