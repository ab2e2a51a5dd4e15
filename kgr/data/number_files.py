"""Arrays of numbers in ``.npy`` files, of whatever program."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kgr.errors import DataError


def map_numbers(path: Path) -> NDArray[Any]:
    """Map the array of a file into memory.

    Raises
    ------
    DataError
        There is no such file, or it is not one array as :func:`numpy.save` writes it.
    """
    try:
        array = np.load(path, mmap_mode="r", allow_pickle=False)
    except FileNotFoundError:
        raise DataError(f"{path}: no such file, expected an array of numbers as numpy.save writes it") from None
    except Exception as error:  # numpy parses the header as Python: damage may raise nearly anything
        raise DataError(f"{path}: not an array of numbers as numpy.save writes it: {error}") from error
    if not isinstance(array, np.ndarray):
        raise DataError(f"{path}: found an archive of arrays, expected an .npy file of one")
    return array
