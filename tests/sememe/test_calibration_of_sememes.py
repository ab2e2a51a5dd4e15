"""Probabilities: they fall along the ranking, are fitted to what is true, and are 0 of what is never predicted."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.sparse import csr_array

from kgr.sememe.calibration import calibrate, expected_error


@pytest.mark.parametrize("shift", [0.0, 5.0])
def test_probabilities_are_those_by_which_the_labels_were_drawn(shift: float) -> None:
    draw = np.random.default_rng(0)
    logits = draw.normal(-1, 2, (3000, 12)).astype(np.float32)
    gold = draw.random(logits.shape) < 1 / (1 + np.exp(-logits))
    scores = np.exp(logits / 2) if shift else logits  # positive scores, or log odds themselves
    gold[np.arange(3000), logits.argmax(1)] |= ~gold.any(1)
    law = calibrate(scores, csr_array(gold.astype(np.float32)))
    assert law.logarithm == bool(shift)
    assert expected_error(law, scores, csr_array(gold.astype(np.float32))) < 0.02
    found = law.of(scores)
    order = np.argsort(-scores, axis=1)
    assert (np.diff(np.take_along_axis(found, order, axis=1), axis=1) <= 1e-12).all()


def test_what_is_never_predicted_has_no_probability() -> None:
    scores = np.array([[0.9, 0.5, -np.inf], [0.2, 0.8, -np.inf]], np.float32)
    law = calibrate(scores, csr_array(np.array([[1, 0, 0], [0, 1, 0]], np.float32)))
    found = law.of(scores)
    assert found[:, 2].tolist() == [0, 0]
    assert found[0, 0] > 0.5 > found[0, 1]
