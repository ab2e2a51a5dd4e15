"""What a run learned beside its method's own parameters: thresholds and laws of probabilities, in one file."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from kgr import _io
from kgr.errors import FormatError
from kgr.sememe.calibration import Calibration, calibrate
from kgr.sememe.measure import Threshold, tune_threshold

FILE = "learned.json"

_FORMAT = 3


@dataclasses.dataclass(frozen=True)
class Law:
    """What scores mean, as valid says: which sememes are predicted, and how probable each is."""

    threshold: Threshold
    calibration: Calibration

    @classmethod
    def of(cls, scores: NDArray[np.float32], gold: csr_array) -> Law:
        """Find it by the scores of annotated synsets, float32[B, C]."""
        return cls(tune_threshold(scores, gold), calibrate(scores, gold))

    @classmethod
    def read(cls, found: Mapping[str, Any]) -> Law:
        """Read it, as JSON has it."""
        calibration = {**found["calibration"], "weights": tuple(found["calibration"]["weights"])}
        return cls(Threshold(**found["threshold"]), Calibration(**calibration))


@dataclasses.dataclass(frozen=True)
class Learned:
    """What training found on valid.

    Attributes
    ----------
    method : dict
        What the method keeps.
    law : Law
        Of synsets as the store describes them.
    texts_alone : Law or None
        Of synsets of which texts alone are known, as of most new ones; None of a method that reads no texts.
    popularity_threshold : Threshold
    sections : dict
        Fingerprints of the store's sections that the run was made from.
    """

    method: Mapping[str, Any]
    law: Law
    texts_alone: Law | None
    popularity_threshold: Threshold
    sections: Mapping[str, str]

    def write(self, folder: Path) -> None:
        """Write the file, whole or not at all."""
        _io.replace_text(folder / FILE, _io.signed({"format": _FORMAT, **dataclasses.asdict(self)}) + "\n")

    @classmethod
    def read(cls, folder: Path) -> Learned:
        """Read the file.

        Raises
        ------
        FormatError
            There is none, or it is damaged or of another version.
        """
        path = folder / FILE
        try:
            found = json.loads(path.read_text(encoding="utf-8"))
        except FileNotFoundError:
            raise FormatError(
                f"{folder}: is not trained to its end: it has no {FILE}; the command that made it trains anew"
            ) from None
        except (ValueError, RecursionError) as error:
            raise FormatError(f"{path}: cannot be read as JSON: {error}; train anew") from error
        if not isinstance(found, dict) or found.get("format") != _FORMAT:
            raise FormatError(f"{path}: expected format {_FORMAT} of what a run of sememes learned; train anew")
        if not _io.intact(found):
            raise FormatError(f"{path}: its checksum does not fit: it is damaged; train anew")
        try:
            return cls(
                found["method"],
                Law.read(found["law"]),
                Law.read(found["texts_alone"]) if found["texts_alone"] else None,
                Threshold(**found["popularity_threshold"]),
                found["sections"],
            )
        except (KeyError, TypeError) as error:
            raise FormatError(
                f"{path}: expected what a run of sememes learned, found another {error}; train anew"
            ) from error
