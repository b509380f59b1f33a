"""Days and weeks by number (UTC): how what is counted is kept."""

DAY = 86_400_000


def day_of(milliseconds: int) -> int:
    """The number of a day, from 1970-01-01 on."""
    return milliseconds // DAY


def week_of(day: int) -> int:
    """The number of the week of a day. Weeks begin on Mondays: week 0 on 1969-12-29."""
    return (day + 3) // 7


def week_start(week: int) -> int:
    """When a week begins, in epoch milliseconds."""
    return (week * 7 - 3) * DAY
