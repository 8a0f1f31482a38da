"""The compiled median is numpy's, whatever the values and their precision."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from kepler_lens.median import median, middle


@pytest.mark.parametrize("precision", [np.float32, np.float64])
@settings(deadline=None)
@given(data=st.data())
def test_it_is_numpys(precision, data):
    width = np.dtype(precision).itemsize * 8
    finite = st.floats(-(2.0**60), 2.0**60, width=width) | st.sampled_from([0.0, 1.0, 1.5])
    values = data.draw(arrays(precision, st.integers(1, 40), elements=finite))
    expected = np.median(values)
    before = np.sort(values)
    assert median(values) == expected
    # Another order, but the same values.
    assert np.array_equal(np.sort(values), before)


@settings(deadline=None)
@given(values=st.lists(st.integers(0, 9), min_size=2, max_size=30), data=st.data())
def test_a_rank_is_that_of_the_sorted_values(values, data):
    k = data.draw(st.integers(1, len(values) - 1))
    ordered = sorted(values)
    assert middle(np.array(values, float), k, False) == ordered[k]
    halfway = (ordered[k - 1] + ordered[k]) / 2
    assert middle(np.array(values, float), k, True) == halfway
