"""Buckets of durations: they follow one another, and percentiles from them are as near as they claim."""

import random
from collections import Counter

import pytest

from milepost.server.store.histogram import PARTS, bounds, bucket, percentile

YEARS = 10 * 366 * 86_400_000


def test_buckets_follow_one_another() -> None:
    expected = 0
    for number in range(300):
        low, high = bounds(number)
        assert low == expected
        assert bucket(low) == bucket(high) == number
        expected = high + 1
    assert expected > YEARS


def test_a_bucket_is_at_most_an_eighth_of_its_durations_wide() -> None:
    for number in range(300):
        low, high = bounds(number)
        assert (high - low) * PARTS <= low


def test_no_durations_have_no_percentile() -> None:
    assert percentile({}, 0.5) is None


@pytest.mark.parametrize("seed", range(20))
def test_percentiles_are_wrong_by_at_most_an_eighth(seed: int) -> None:
    chance = random.Random(seed)
    took = sorted(int(chance.lognormvariate(chance.uniform(0, 12), 2)) for _ in range(chance.randint(1, 400)))
    counts = Counter(map(bucket, took))
    for part in (0.01, 0.5, 0.95, 1.0):
        exact = took[max(0, -int(-part * len(took) // 1) - 1)]
        found = percentile(counts, part)
        assert found is not None
        assert abs(found - exact) * PARTS <= exact
