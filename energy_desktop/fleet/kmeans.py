"""k-means by Lloyd's steps from k-means++ starts, and how far its groups can be trusted.

Written out here because equal input must give equal groups on every machine and engine, seed for
seed, which a library does not promise from one version to the next.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Ints = NDArray[np.int64]

_STARTS = 4
_MOST_STEPS = 100
_BLOCK = 200_000


@dataclass(frozen=True, slots=True)
class Clusters:
    """centres (k, d). inertia: sum of squared distances to the own centre."""

    centres: Floats
    inertia: float

    def assign(self, x: Floats) -> tuple[Ints, Floats]:
        """Nearest centre and distance to it, shapes (n,)."""
        nearest = np.empty(len(x), np.int64)
        distance = np.empty(len(x))
        for start in range(0, len(x), _BLOCK):
            part = slice(start, start + _BLOCK)
            square = _squares(x[part], self.centres)
            nearest[part] = square.argmin(axis=1)
            distance[part] = np.sqrt(square[np.arange(len(square)), nearest[part]])
        return nearest, distance


def fit(x: Floats, k: int, *, seed: int) -> Clusters:
    """The best of a few starts. x (n, d), n >= 1; fewer rows than k give fewer centres."""
    k = min(k, len(np.unique(x, axis=0)))
    rng = np.random.default_rng(seed)
    best: Clusters | None = None
    for _ in range(_STARTS):
        found = _lloyd(x, _start(x, k, rng))
        if best is None or found.inertia < best.inertia:
            best = found
    assert best is not None
    return best


def stability(x: Floats, k: int, *, seed: int, halves: int = 6) -> float:
    """How alike the groups are when they are made from half of the rows: 1 the same, 0 by chance.

    The mean adjusted Rand index between the groups of random halves and those of all rows. A
    number of groups that the data do not support gives other groups with every half.
    """
    whole, _ = fit(x, k, seed=seed).assign(x)
    rng = np.random.default_rng(seed)
    scores = []
    for one in range(halves):
        half = rng.choice(len(x), max(len(x) // 2, min(k, len(x))), replace=False)
        labels, _ = fit(x[half], k, seed=seed + 1 + one).assign(x)
        scores.append(agreement(whole, labels))
    return float(np.mean(scores))


def agreement(a: Ints, b: Ints) -> float:
    """The adjusted Rand index of two groupings of the same rows, shapes (n,)."""
    table = np.zeros((int(a.max()) + 1, int(b.max()) + 1))
    np.add.at(table, (a, b), 1.0)

    def pairs(n: Floats) -> float:
        return float((n * (n - 1) / 2).sum())

    both, in_a, in_b = pairs(table), pairs(table.sum(axis=1)), pairs(table.sum(axis=0))
    every = len(a) * (len(a) - 1) / 2
    chance = in_a * in_b / every if every else 0.0
    most = (in_a + in_b) / 2
    return 1.0 if most == chance else (both - chance) / (most - chance)


def _start(x: Floats, k: int, rng: np.random.Generator) -> Floats:
    """k-means++: each further centre is drawn with the square of its distance to the others."""
    centres = [x[int(rng.integers(len(x)))]]
    square = ((x - centres[0]) ** 2).sum(axis=1)
    for _ in range(1, k):
        total = np.cumsum(square)
        pick = int(np.searchsorted(total, rng.random() * total[-1], side="right"))
        centres.append(x[min(pick, len(x) - 1)])
        square = np.minimum(square, ((x - centres[-1]) ** 2).sum(axis=1))
    return np.array(centres)


def _lloyd(x: Floats, centres: Floats) -> Clusters:
    k = len(centres)
    before = None
    for _ in range(_MOST_STEPS):
        square = _squares(x, centres)
        nearest = square.argmin(axis=1)
        if before is not None and np.array_equal(nearest, before):
            break
        before = nearest
        count = np.bincount(nearest, minlength=k)
        sums = np.stack(
            [np.bincount(nearest, x[:, d], minlength=k) for d in range(x.shape[1])], axis=1
        )
        filled = count > 0  # an empty centre stays where it was
        centres = centres.copy()
        centres[filled] = sums[filled] / count[filled, None]
    square = _squares(x, centres)
    return Clusters(centres, float(square.min(axis=1).sum()))


def _squares(x: Floats, centres: Floats) -> Floats:
    """Squared distances (n, k)."""
    # Centre by centre: for a handful of them quicker than a product of matrices, whose threads
    # wait for each other on a busy machine.
    square = np.empty((len(x), len(centres)))
    for k, centre in enumerate(centres):
        off = x - centre
        square[:, k] = np.einsum("nd,nd->n", off, off)
    return square
