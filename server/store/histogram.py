"""Durations in buckets that widen with them: which bucket, and what the buckets tell of percentiles."""

from collections.abc import Mapping

PARTS = 8
"""Buckets between a duration and its double: a percentile is wrong by at most an eighth."""


def bucket(milliseconds: int) -> int:
    """The bucket of a duration, from 0 on. Below ``2 * PARTS`` ms each has its own."""
    shift = max(0, milliseconds.bit_length() - PARTS.bit_length())
    return shift * PARTS + (milliseconds >> shift)


def bounds(number: int) -> tuple[int, int]:
    """The shortest and the longest duration of a bucket, in milliseconds."""
    shift = max(0, number // PARTS - 1)
    first = number - shift * PARTS
    return first << shift, ((first + 1) << shift) - 1


def percentile(counts: Mapping[int, int], part: float) -> int | None:
    """The duration that ``part`` (0 to 1) of all do not exceed, placed evenly in its bucket; None if there are none.

    Args:
        counts: how many durations each bucket has.
        part: 0.5 for the median.
    """
    total = sum(counts.values())
    rank = max(1, -int(-part * total // 1))
    for number in sorted(counts):
        if rank <= counts[number]:
            low, high = bounds(number)
            return low + round((high - low) * (rank - 0.5) / counts[number])
        rank -= counts[number]
    return None
