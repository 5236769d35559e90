"""Small PNG files: a palette of 256 colours makes a third of the size, and flat fills keep their colour exactly."""

from __future__ import annotations

from io import BytesIO

import numpy as np
from numpy.typing import NDArray
from PIL import Image

Colours = NDArray[np.int32]
"""Rows of red, green and blue."""

EXACT = 64
"""The most frequent colours, kept as they are: papers, bars, lines and text."""
BLENDED = 192
"""Colours for the soft edges between those."""


def encode(pixels: NDArray[np.uint8]) -> bytes:
    """An array of height x width x (red, green, blue) as a PNG; the same bytes for the same pixels."""
    colours, places, counts = np.unique(_packed(pixels), return_inverse=True, return_counts=True)
    channels = _channels(colours)
    palette = np.concatenate([channels[np.argsort(counts, kind="stable")[-EXACT:]], _blends(pixels)])
    nearest = np.argmin(((channels[:, None, :] - palette) ** 2).sum(axis=2), axis=1)
    image = Image.fromarray(nearest[places].reshape(pixels.shape[:2]).astype(np.uint8))
    image.putpalette(palette.astype(np.uint8).tobytes(), "RGB")
    buffer = BytesIO()
    image.save(buffer, format="PNG", optimize=True)
    return buffer.getvalue()


def _packed(pixels: NDArray[np.uint8]) -> NDArray[np.uint32]:
    return pixels.astype(np.uint32) @ np.array([1 << 16, 1 << 8, 1], dtype=np.uint32)


def _channels(packed: NDArray[np.uint32]) -> Colours:
    return np.stack([packed >> 16, packed >> 8 & 255, packed & 255], axis=1).astype(np.int32)


def _blends(pixels: NDArray[np.uint8]) -> Colours:
    # Not the default method, median cut: it gives thin lines the colour of their neighbours.
    coverage = Image.Quantize.MAXCOVERAGE
    found = Image.fromarray(pixels).quantize(BLENDED, method=coverage, dither=Image.Dither.NONE)
    return np.reshape(np.array(found.getpalette(), dtype=np.int32), (-1, 3))
