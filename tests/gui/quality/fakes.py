"""Services that answer from values and remember what they were asked."""

from dataclasses import replace

import numpy as np

from energy_desktop.domain.editing import (
    Edit,
    EditMethod,
    EditPreview,
    LedgerGap,
    RegisterEvent,
    RegisterEventKind,
    ThreeSeries,
)
from energy_desktop.domain.energy import (
    GapCause,
    IntervalQuality,
    Reconciliation,
    RegisterReading,
)
from energy_desktop.domain.errors import NotEnoughData
from energy_desktop.domain.site import Meter
from energy_desktop.domain.validation import Sufficiency, ValidationReport
from energy_desktop.services.data_quality import KnownMeter, MeterQuality, QualityLook, SumCheck
from energy_desktop.services.exchanges import ExchangeResult, ReadingsAround

QUARTER, HOUR, DAY = 900_000, 3_600_000, 86_400_000
DAY_START = 1_760_220_000_000  # midnight of 12 October 2025 in Berlin
REGISTER = "energy_import_wh"
LIGHTS = Meter("m", "<b>Lights</b> of hall 2", connection_limit_w=11_000.0)
PRESS = Meter("press", "Press")


def a_gap(first=20, count=8, **more):
    values = {
        "cause": GapCause.POWER,
        "detail": "no voltage",
        "known_wh": 4_000,
        "done": "",
    } | more
    start = DAY_START + first * QUARTER
    return LedgerGap("m", REGISTER, start, start + count * QUARTER, count, **values)


def a_series(gaps=(), edited=()):
    """One day of 500 Wh each; gaps are missing or quarantined, `edited` intervals were set."""
    starts = DAY_START + np.arange(96, dtype=np.int64) * QUARTER
    raw = np.full(96, 500.0)
    quality = np.zeros(96, np.int8)
    estimated = np.full(96, np.nan)
    for gap in gaps:
        inside = (starts >= gap.start_ms) & (starts < gap.end_ms)
        raw[inside] = np.nan
        is_quarantined = gap.cause is GapCause.QUARANTINED
        quality[inside] = IntervalQuality.QUARANTINED if is_quarantined else IntervalQuality.MISSING
    validated = raw.copy()
    for i in edited:
        validated[i], estimated[i], quality[i] = np.nan, 700.0, IntervalQuality.EDITED
    return ThreeSeries("m", REGISTER, 900, starts, raw, validated, estimated, quality, ("",) * 96)


def a_check(whole_month=False, missing=0, off=0, register=48_000):
    reading = RegisterReading("m", REGISTER, DAY_START, 1_000)
    total = 0 if register is None else register + off
    proof = Reconciliation("m", REGISTER, reading, reading, register, total, 0, missing)
    return SumCheck(DAY_START, DAY_START + DAY, whole_month, proof)


def a_look(gaps=(), edits=(), events=(), edited=(), failures=(), **more):
    report = ValidationReport(
        a_series(gaps, edited), failures, (), Sufficiency(1, 1, 100.0, 50.0, ())
    )
    values = {
        "meter": LIGHTS,
        "register": REGISTER,
        "registers": (REGISTER,),
        "start_ms": DAY_START,
        "end_ms": DAY_START + DAY,
        "report": report,
        "gaps": tuple(gaps),
        "edits": tuple(edits),
        "events": tuple(events),
        "days": (a_check(),),
        "months": (a_check(whole_month=True),),
    } | more
    return QualityLook(**values)


def a_row(meter=LIGHTS, gaps=1, quarantined=0, **more):
    values = {
        "intervals": 96,
        "measured": 88,
        "estimated": 0,
        "edited": 0,
        "known_wh": 4_000,
        "last_ms": DAY_START + DAY,
    } | more
    return MeterQuality(meter, REGISTER, gaps=gaps, quarantined=quarantined, **values)


def a_preview(first=20, count=8, **more):
    starts = DAY_START + (first + np.arange(count, dtype=np.int64)) * QUARTER
    values = {
        "meter_id": "m",
        "register": REGISTER,
        "step_s": 900,
        "span_start_ms": int(starts[0]),
        "span_end_ms": int(starts[-1]) + QUARTER,
        "method": EditMethod.LIKE_DAYS,
        "parameters": "same weekday and time of 3 weeks before",
        "start_ms": starts,
        "before_wh": np.full(count, np.nan),
        "after_wh": np.full(count, 500, np.int64),
        "before_quality": np.full(count, IntervalQuality.MISSING, np.int8),
        "quality": np.full(count, IntervalQuality.ESTIMATED, np.int8),
        "total_before_wh": None,
        "total_after_wh": 500 * count,
        "register_wh": 500 * count,
        "measured": 0,
        "sentence": "8 intervals (2 h): 4.000 kWh.",
        "warnings": (),
    } | more
    return EditPreview(**values)


def an_edit(edit_id=1, first=20, count=8, **more):
    start = DAY_START + first * QUARTER
    edit = Edit(
        edit_id, "m", REGISTER, 900, start, start + count * QUARTER, EditMethod.SET,
        "the fuse was out", "kim", DAY_START + DAY, "each interval set to 700 Wh", count, 0, 5_600,
    )  # fmt: skip
    return replace(edit, **more)


def an_event(**more):
    event = RegisterEvent(
        3, "m", REGISTER, DAY_START + 5 * HOUR, RegisterEventKind.EXCHANGE, 91_000, 7,
        new_serial="N-2", note="protocol 14", by="kim", entered_at_ms=DAY_START + DAY,
    )  # fmt: skip
    return replace(event, **more)


class FakeQuality:
    def __init__(self, look=None, rows=None):
        self.a_look = look or a_look([a_gap()])
        self.rows = rows if rows is not None else (a_row(), a_row(PRESS, 0, intervals=0))
        self.looked, self.kept, self.fails = [], [], None

    def meters(self, start_ms, end_ms, progress=None):
        if self.fails is not None:
            raise self.fails
        return self.rows

    jumps = ()

    def clock_jumps(self, start_ms, end_ms):
        return self.jumps

    def look(self, meter_id, start_ms, end_ms, register=""):
        self.looked.append((meter_id, register))
        return self.a_look

    def known(self, meter_id):
        return KnownMeter(LIGHTS, (REGISTER,))

    def keep_photo(self, path, meter_id):
        self.kept.append((path, meter_id))
        return "photos/m-1.jpg"

    def photo(self, name):
        return None


class FakeEditing:
    """Gives one preview; applies and undoes by noting it."""

    def __init__(self, preview=None):
        self.a_preview = preview or a_preview()
        self.asked, self.applied, self.undone, self.fails = [], [], [], None

    def preview(self, *args):
        self.asked.append(args)
        if self.fails is not None:
            raise self.fails
        return self.a_preview

    def estimate_gaps(self, *args):
        self.asked.append(("estimate", *args))
        if self.fails is not None:
            raise self.fails
        return self.a_preview

    def apply(self, preview, reason):
        self.applied.append((preview, reason))
        return an_edit(7, reason=reason, after_wh=preview.total_after_wh)

    def undo(self, edit_id, reason):
        self.undone.append((edit_id, reason))
        return an_edit(8, method=EditMethod.UNDO)


class FakeExchanges:
    def __init__(self, around=None):
        self.readings = around or ReadingsAround(
            RegisterReading("m", REGISTER, DAY_START + 4 * HOUR, 90_000),
            RegisterReading("m", REGISTER, DAY_START + 6 * HOUR, 2_000),
        )
        self.entered, self.removed, self.confirmed, self.fails = [], [], [], None

    def around(self, meter_id, at_ms, register=""):
        return self.readings

    def enter(self, entry):
        if self.fails is not None and not entry.confirmed:
            raise self.fails
        self.entered.append(entry)
        return ExchangeResult((an_event(at_ms=entry.at_ms),), LIGHTS)

    def confirm(self, event_id, meter_id):
        self.confirmed.append((event_id, meter_id))

    def remove(self, event_id, meter_id):
        self.removed.append((event_id, meter_id))


NOTHING_TO_FILL = NotEnoughData(
    where="Lights, 12 Oct", what="There is no gap to fill.", remedy="See the list of gaps."
)
