# SPDX-License-Identifier: Apache-2.0
"""Times as migctl writes them: "45s", "10m", "1h30m", "2d"; seconds as a number; a timedelta."""

import datetime
import re
from typing import Union

from .errors import InvalidRequest

Duration = Union[str, int, float, datetime.timedelta]

_PART = re.compile(r"(\d{1,12})(ms|[smhd])")
_UNITS = {"ms": 1, "s": 1000, "m": 60_000, "h": 3_600_000, "d": 86_400_000}
LONGEST_MS = 10 * 365 * 86_400_000


def milliseconds(name: str, value: Duration) -> int:
    """The time in ms; `name` is what an error calls it."""
    total: float
    if isinstance(value, datetime.timedelta):
        total = value.total_seconds() * 1000
    elif isinstance(value, str):
        parts = _PART.findall(value)
        if not parts or "".join(number + unit for number, unit in parts) != value:
            raise InvalidRequest("invalid_input", f"{name} is {value!r}, which is no time", "write 45s, 10m, 1h30m, or seconds as a number")
        total = sum(int(number) * _UNITS[unit] for number, unit in parts)
    else:
        total = float(value) * 1000
    if not 0 <= total <= LONGEST_MS:
        raise InvalidRequest("invalid_input", f"{name} is {value!r}: not between 0 and ten years")
    return round(total)
