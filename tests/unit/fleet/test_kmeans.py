"""Groups, and how far they can be trusted."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from energy_desktop.fleet import kmeans


def _blobs(centres, n=40, spread=0.1):
    rng = np.random.default_rng(2)
    return np.concatenate([rng.normal(c, spread, (n, 2)) for c in centres])


def test_groups_that_are_there_are_found_with_every_seed():
    x = _blobs([(0, 0), (5, 0), (0, 5)])
    truth = np.repeat([0, 1, 2], 40)

    for seed in range(5):
        labels, distance = kmeans.fit(x, 3, seed=seed).assign(x)
        assert kmeans.agreement(truth, labels) == 1.0
        assert distance.max() < 1.0


def test_the_right_number_of_groups_is_the_stable_one():
    x = _blobs([(0, 0), (5, 0), (0, 5)])

    scores = {k: kmeans.stability(x, k, seed=7) for k in (2, 3, 4, 5)}

    assert max(scores, key=lambda k: scores[k]) == 3
    assert scores[3] == 1.0
    assert scores[5] < 0.9


def test_fewer_rows_than_groups_give_fewer_groups():
    x = np.array([[1.0, 1.0], [1.0, 1.0], [2.0, 2.0]])

    assert len(kmeans.fit(x, 4, seed=1).centres) == 2


@given(st.lists(st.integers(0, 3), min_size=2, max_size=30), st.permutations(range(4)))
def test_agreement_does_not_look_at_names(labels, names):
    a = np.array(labels)

    assert kmeans.agreement(a, np.array(names)[a]) == 1.0
