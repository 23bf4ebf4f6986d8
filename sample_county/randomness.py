"""One random stream per purpose, so that adding to one part of the county leaves the others as they were."""

import zlib
from typing import Any

import numpy as np


def stream(seed: int, *purpose: Any) -> np.random.Generator:
    """A generator that depends on the seed and the purpose alone."""
    words = [zlib.crc32(str(part).encode()) for part in purpose]
    return np.random.Generator(np.random.PCG64(np.random.SeedSequence([seed, *words])))


def apportion(total: int, weights: np.ndarray[Any, Any], least: int = 0) -> np.ndarray[Any, np.dtype[np.int64]]:
    """Integers in proportion to the weights that sum to `total` exactly (largest remainders), each at least `least`."""
    rest = total - least * len(weights)
    if rest < 0:
        raise ValueError(f"cannot give {len(weights)} shares at least {least} each out of {total}")
    exact = rest * weights / weights.sum()
    whole = np.floor(exact).astype(np.int64)
    order = np.argsort(-(exact - whole), kind="stable")
    whole[order[: rest - int(whole.sum())]] += 1
    shares: np.ndarray[Any, np.dtype[np.int64]] = whole + least
    return shares
