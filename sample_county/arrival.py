"""When the files of each source came, as their modification times say: the night after, and one of them late."""

import os
from datetime import date, datetime, time, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

_HOURS = {
    "master": 0.5,
    "core": 1.7,
    "credit": 2.2,
    "marketing": 3.1,
    "returned": 3.1,
    "external": 3.4,
    "social_security": 5.2,
}
"""Hours after the end of the business date."""
LATE_SOURCE, LATE_HOURS = "credit", 9.6
"""On the second date, past the deadline of 8 hours."""
_MIDNIGHT = time(tzinfo=ZoneInfo("Asia/Shanghai"))


def set_arrivals(inbox: Path, days: list[date]) -> None:
    """Give every file the time at which its source would have written it, the same in every generation."""
    for day in days:
        closed = datetime.combine(day + timedelta(days=1), _MIDNIGHT).timestamp()
        for source, hours in _HOURS.items():
            late = source == LATE_SOURCE and days.index(day) == 1
            arrived = closed + (LATE_HOURS if late else hours) * 3600
            for path in (inbox / source / f"{day:%Y%m%d}").rglob("*"):
                os.utime(path, (arrived, arrived))
