"""The history of a meter: what was used when, what is usual, and how much of it was measured."""

from energy_desktop.services.history.patterns import day_carpet
from energy_desktop.services.history.service import HistoryService
from energy_desktop.services.history.values import (
    POWER,
    Against,
    BaseLoad,
    Curve,
    DayAgainstLike,
    DayCarpet,
    DayTotals,
    HistoryLook,
    HistorySubject,
    MarkKind,
    PeriodFacts,
    PeriodTotals,
    QualityMark,
    Slots,
    WeekPattern,
)

__all__ = [
    "POWER",
    "Against",
    "BaseLoad",
    "Curve",
    "DayAgainstLike",
    "DayCarpet",
    "DayTotals",
    "HistoryLook",
    "HistoryService",
    "HistorySubject",
    "MarkKind",
    "PeriodFacts",
    "PeriodTotals",
    "QualityMark",
    "Slots",
    "WeekPattern",
    "day_carpet",
]
