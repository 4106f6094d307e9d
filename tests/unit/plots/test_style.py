"""The palette as people with colour-blind eyes see it: what stands side by side can be told apart.

Simulated after G. M. Machado, M. M. Oliveira, L. A. F. Fernandes, "A Physiologically-based Model for
Simulation of Color Vision Deficiency", IEEE TVCG 15(6), 2009: the matrices for severity 1.0, applied to
linear RGB. Distances are CIE76 in CIELAB (D65); 2.3 is just noticeable side by side.
"""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from helpers.plots import SENT, pins, style
from helpers.plots.verdicts import LOOKS

MACHADO = {
    "protanopia": [
        [0.152286, 1.052583, -0.204868],
        [0.114503, 0.786281, 0.099216],
        [-0.003882, -0.048116, 1.051998],
    ],
    "deuteranopia": [
        [0.367322, 0.860646, -0.227968],
        [0.280085, 0.672501, 0.047413],
        [-0.011820, 0.042940, 0.968881],
    ],
    "tritanopia": [
        [1.255528, -0.076749, -0.178779],
        [-0.078411, 0.930809, 0.147602],
        [0.004733, 0.691367, 0.303900],
    ],
}
XYZ = np.array(
    [
        [0.4124564, 0.3575761, 0.1804375],
        [0.2126729, 0.7151522, 0.0721750],
        [0.0193339, 0.1191920, 0.9503041],
    ]
)
WHITE = XYZ @ np.ones(3)
APART = 10.0
EYES = pytest.mark.parametrize("eyes", list(MACHADO))


def linear(color):
    channels = np.array([int(color[i : i + 2], 16) / 255 for i in (1, 3, 5)])
    return np.where(channels <= 0.04045, channels / 12.92, ((channels + 0.055) / 1.055) ** 2.4)


def lab(rgb):
    ratio = XYZ @ rgb / WHITE
    f = np.where(ratio > (6 / 29) ** 3, np.cbrt(ratio), ratio / (3 * (6 / 29) ** 2) + 4 / 29)
    return np.array([116 * f[1] - 16, 500 * (f[0] - f[1]), 200 * (f[1] - f[2])])


def seen(color, eyes):
    return lab(np.clip(np.array(MACHADO[eyes]) @ linear(color), 0, 1))


def apart(one, other, eyes):
    return float(np.linalg.norm(seen(one, eyes) - seen(other, eyes)))


def test_the_simulation_knows_what_such_eyes_confuse():
    """Red and green of the same lightness are one colour to them; blue and yellow are not."""
    assert apart("#B45A00", "#6B7800", "deuteranopia") < 10
    assert apart("#0072B2", "#E69F00", "deuteranopia") > 60
    assert apart("#0072B2", "#00807C", "tritanopia") < 25


@EYES
def test_the_series_of_a_chart_differ(eyes):
    found = {pair: apart(*pair, eyes) for pair in itertools.combinations(style.SERIES, 2)}
    assert {pair: round(far) for pair, far in found.items() if far < APART} == {}


@EYES
def test_areas_that_meet_differ_in_colour_or_hatch(eyes):
    for looks in (style.CATEGORIES, SENT, {"gets fixes": pins.SUPPORTED, "gets none": pins.OVER}):
        for one, other in itertools.combinations(looks, 2):
            a, b = looks[one], looks[other]
            assert a.hatch != b.hatch or apart(a.color, b.color, eyes) >= APART, (one, other)


@EYES
def test_the_verdicts_on_the_board_differ(eyes):
    for one, other in itertools.combinations(LOOKS.values(), 2):
        assert apart(one, other, eyes) >= APART, (one, other)


def test_colour_is_never_the_only_cue():
    """A series has a marker of its own, a pair of bars a hatch, a verdict its mark."""
    assert len(set(style.MARKERS)) == len(style.MARKERS) >= len(style.SERIES)
    for pair in ((style.BASE, style.OWN), (style.KEPT, style.LEFT), (style.ON_DISK, style.ON_WIRE)):
        assert len({look.hatch for look in pair}) == 2
    assert len(set(LOOKS)) == len(LOOKS)
