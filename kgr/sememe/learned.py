"""What a run learned beside its method's own parameters: thresholds and the law of probabilities, in one file."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from kgr import _io
from kgr.errors import FormatError
from kgr.sememe.calibration import Calibration
from kgr.sememe.measure import Threshold

FILE = "learned.json"

_FORMAT = 1


@dataclasses.dataclass(frozen=True)
class Learned:
    """What training found on valid.

    Attributes
    ----------
    method : dict
        What the method keeps.
    threshold, popularity_threshold : Threshold
    calibration : Calibration
    sections : dict
        Fingerprints of the store's sections that the run was made from.
    """

    method: Mapping[str, Any]
    threshold: Threshold
    popularity_threshold: Threshold
    calibration: Calibration
    sections: Mapping[str, str]

    def write(self, folder: Path) -> None:
        """Write the file, whole or not at all."""
        _io.replace_text(folder / FILE, json.dumps({"format": _FORMAT, **dataclasses.asdict(self)}, indent=1) + "\n")

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
        except ValueError as error:
            raise FormatError(f"{path}: cannot be read as JSON: {error}; train anew") from error
        if not isinstance(found, dict) or found.pop("format", None) != _FORMAT:
            raise FormatError(f"{path}: expected format {_FORMAT} of what a run of sememes learned; train anew")
        try:
            calibration = {**found["calibration"], "weights": tuple(found["calibration"]["weights"])}
            return cls(
                found["method"],
                Threshold(**found["threshold"]),
                Threshold(**found["popularity_threshold"]),
                Calibration(**calibration),
                found["sections"],
            )
        except (KeyError, TypeError) as error:
            raise FormatError(
                f"{path}: expected what a run of sememes learned, found another {error}; train anew"
            ) from error
