"""Corrections of the energy ledger: what was measured stays, and what was done to it is said.

Nothing here overwrites: each correction makes new versions of intervals, with who, when, why and
how. Undoing one makes versions again, from the values before it.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from enum import Enum
from typing import TYPE_CHECKING

from energy_desktop.domain.energy import GapCause

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Int64s = NDArray[np.int64]
    Int8s = NDArray[np.int8]
    Floats = NDArray[np.float64]


class EditMethod(Enum):
    """How the energy of a span was corrected."""

    SET = "set"  # each interval to one value
    SCALE = "scale"  # by a factor
    SPREAD = "spread"  # a known total, evenly or along a shape
    COPY_DAY = "copy day"  # from a like day
    LINE = "line"  # straight between neighbours
    LIKE_DAYS = "like days"  # same weekday and time of the weeks before
    REGISTER = "register shape"  # the register's own difference over a gap, along a shape
    IMPORT = "import"  # from a file
    EXCHANGE = "exchange"  # after a meter exchange was entered
    UNDO = "undo"


@dataclass(frozen=True, slots=True)
class Edit:
    """One correction of [start_ms, end_ms) of a meter\'s register.

    before_wh, after_wh: sums of the span; None where not all of it was known. undone_by: the edit
    that took it back. parameters: what the method was given, in words.
    """

    edit_id: int
    meter_id: str
    register: str
    step_s: int
    start_ms: int
    end_ms: int
    method: EditMethod
    reason: str
    by: str
    at_ms: int
    parameters: str = ""
    intervals: int = 0
    before_wh: int | None = None
    after_wh: int | None = None
    undone_by: int | None = None


class Shape(Enum):
    """Along what a known total is spread."""

    EVEN = "even"
    LIKE_DAYS = "like days"  # same weekday and time of the 3 weeks before
    DAY = "day"  # as another day was


@dataclass(frozen=True, slots=True)
class EditParameters:
    """What a method is given; each method reads what it needs.

    value_wh: SET, energy of each interval. factor: SCALE. total_wh: SPREAD and COPY_DAY; None: what
    the register says of the span (COPY_DAY without a register: as the other day was). shape:
    SPREAD and REGISTER. source_day: the local day that the span's first day is copied from.
    keep_total: LINE, LIKE_DAYS and COPY_DAY meet the register where it knows the span.
    """

    value_wh: int | None = None
    factor: Decimal | None = None
    total_wh: int | None = None
    shape: Shape = Shape.EVEN
    source_day: date | None = None
    keep_total: bool = True


@dataclass(frozen=True, slots=True)
class EditPreview:
    """What a correction would do, before it is done; arrays (n,), one entry per changed interval.

    The intervals lie in [span_start_ms, span_end_ms), not always in a row. before_wh: NaN where
    unknown. quality: that of the new values. total_before_wh: None where not all of it was known.
    register_wh: what the register says of the span; None: it does not. measured: believed
    values that would be replaced. parameters: what the method was given, in words.
    """

    meter_id: str
    register: str
    step_s: int
    span_start_ms: int
    span_end_ms: int
    method: EditMethod
    parameters: str
    start_ms: Int64s
    before_wh: Floats
    after_wh: Int64s
    before_quality: Int8s
    quality: Int8s
    total_before_wh: int | None
    total_after_wh: int
    register_wh: int | None
    measured: int
    sentence: str
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class IntervalVersion:
    """One value that an interval had. edit_id None: as the meter (or a file) gave it."""

    start_ms: int
    version: int
    energy_wh: int | None
    quality: int
    method: str
    edit_id: int | None
    replaced_at_ms: int | None  # None: in force


@dataclass(frozen=True, slots=True)
class ThreeSeries:
    """Raw, validated and estimated energy side by side; shapes (n,), NaN where there is none.

    raw: as first booked. validated: raw that passed the rules. estimated: what stands in for the
    rest, edits included. quality (n,): IntervalQuality in force. rules (n,): the rule that a raw
    value failed, empty: none.
    """

    meter_id: str
    register: str
    step_s: int
    start_ms: Int64s
    raw_wh: Floats
    validated_wh: Floats
    estimated_wh: Floats
    quality: Int8s
    rules: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class LedgerGap:
    """Intervals in a row without a believed value. known_wh: what the register says the span
    used; None: it does not. done: what was done about it, in words; empty: nothing yet."""

    meter_id: str
    register: str
    start_ms: int
    end_ms: int
    intervals: int
    cause: GapCause
    detail: str
    known_wh: int | None
    done: str = ""


class RegisterEventKind(Enum):
    EXCHANGE = "exchange"  # another meter, or another register of it
    RESET = "reset"  # the same meter, its register set
    RATIO = "ratio"  # other transformers
    MODULUS = "modulus"  # what its register counts to was corrected


@dataclass(frozen=True, slots=True)
class RegisterEvent:
    """Why a register does not go on from where it stood, as a person said it.

    old_end_wh, new_start_wh: readings of the old and the new register at `at_ms`, as the ledger
    counts them (transformer ratios applied). confirmed: the readings around it bear it out, or a
    person stands by it; else what it would book is held back where it is far too much.
    """

    event_id: int
    meter_id: str
    register: str
    at_ms: int
    kind: RegisterEventKind
    old_end_wh: int | None
    new_start_wh: int | None
    old_serial: str = ""
    new_serial: str = ""
    old_ct_ratio: float | None = None
    new_ct_ratio: float | None = None
    modulus_wh: int | None = None
    note: str = ""
    photo: str = ""  # a file in the site folder
    by: str = ""
    entered_at_ms: int = 0
    confirmed: bool = False


@dataclass(frozen=True, slots=True)
class ExchangeDoubt:
    """What the readings of an exchange would book on one side of it, where that is far too much.

    side: "old end" or "new start", the reading that is doubted. energy_wh in duration_ms, up to the
    stored reading next to it. most_w: mean power up to which it would be believed.
    """

    side: str
    energy_wh: int
    duration_ms: int
    most_w: float


@dataclass(frozen=True, slots=True)
class MeterPeriod:
    """What hung at a measuring point from a time on: serial number, ratios and modulus belong to
    a period of the point, not to the meter."""

    meter_id: str
    valid_from_ms: int
    serial_number: str
    ct_ratio: float
    vt_ratio: float
    modulus_wh: int | None
