"""What every benchmark gives back: a figure, its goal, and the peer it was held against."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Row:
    """`met` None: a figure without a goal."""

    name: str
    value: float
    unit: str
    goal: str
    met: bool | None
    peer: str = ""
    note: str = ""
