"""Memory that one step frees is there for the next."""

from __future__ import annotations

import ctypes

_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3  # of glibc's malloc.h
_MOST = 2**31 - 1


def keep_freed() -> None:
    """Have the C library keep large freed blocks, instead of handing them back to the system.

    A step makes arrays as large as the step before; pages that were handed back come anew, each zeroed at its first
    touch, which costs as much as a pass over the array. This holds for the process from now on. Where
    the C library is not glibc it does nothing.
    """
    try:
        set_option = ctypes.CDLL(None).mallopt
    except (AttributeError, OSError, TypeError):  # TypeError: Windows has no library of the process
        return
    set_option(_MMAP_THRESHOLD, _MOST)
    set_option(_TRIM_THRESHOLD, _MOST)
