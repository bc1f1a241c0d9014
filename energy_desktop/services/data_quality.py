"""How far each meter's energy can be believed, and all that was done about the rest.

One question for the list of meters (how much of the period was measured, what is open) and one for
the chosen meter (its energy before and after every rule and correction, its gaps with their cause,
the sums held against the register). Nothing here changes the ledger; only a photo is copied.
"""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Protocol
from zoneinfo import ZoneInfo

import numpy as np

from energy_desktop.domain.clock import Clock, ClockJump, from_ms, local_month_bounds_ms, to_ms
from energy_desktop.domain.editing import Edit, EditMethod, LedgerGap, RegisterEvent
from energy_desktop.domain.energy import HOUR_MS, GapCause, IntervalQuality, Reconciliation
from energy_desktop.domain.errors import WrongUse
from energy_desktop.domain.ports import (
    ConfigurationStore,
    Ledger,
    LedgerEditing,
    ProgressSink,
    RegisterEventStore,
    no_progress,
)
from energy_desktop.domain.site import Meter
from energy_desktop.domain.validation import ValidationReport
from energy_desktop.services.exchange_doubts import held_back
from energy_desktop.services.own_meters import own_meter
from energy_desktop.services.registers import NEGATIVE, POSITIVE, positive_register

if TYPE_CHECKING:
    from energy_desktop.domain.energy import Intervals

PHOTO_ENDINGS = (".jpg", ".jpeg", ".png", ".heic", ".webp", ".pdf")
_LARGEST_PHOTO = 50_000_000
_PARTLY = " for "  # "a known total spread for 3 of 12 intervals"


class QuarantinedReading(Protocol):
    """What was read but not believed, and why."""

    @property
    def quantity(self) -> str: ...
    @property
    def read_at_ms(self) -> int: ...
    @property
    def reason(self) -> str: ...


class Quarantine(Protocol):
    """Keeps them."""

    def entries(
        self, start_ms: int, end_ms: int, meter_id: str | None = None
    ) -> Sequence[QuarantinedReading]: ...


class Validation(Protocol):
    """Every rule and every day's sum check of a register."""

    def report(
        self, meter_id: str, start_ms: int, end_ms: int, register: str = ""
    ) -> ValidationReport: ...


@dataclass(frozen=True, slots=True)
class MeterQuality:
    """What of a meter's period was measured.

    intervals: of the period, between the first and the last one that the meter ever had. gaps: how
    many `is_left` says are open, quarantined ones among them. known_wh: what the register says of
    them, as far as it does. last_ms: end of the last interval in the period; None: none there.
    """

    meter: Meter
    register: str
    intervals: int
    measured: int
    estimated: int
    edited: int
    gaps: int
    quarantined: int
    known_wh: int
    last_ms: int | None

    @property
    def measured_pct(self) -> float | None:
        """None: nothing of this period is stored."""
        return 100 * self.measured / self.intervals if self.intervals else None


@dataclass(frozen=True, slots=True)
class KnownMeter:
    """registers: those that have energy, the one that it is there for first."""

    meter: Meter
    registers: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class SumCheck:
    """A local day or month: the sum of its intervals beside the register's difference."""

    start_ms: int
    end_ms: int
    whole_month: bool
    reconciliation: Reconciliation


@dataclass(frozen=True, slots=True)
class QualityLook:
    """A meter's register over a period. months: of every month touched, whole, up to now.

    registers: all that the meter has. gaps: done ones too. edits: newest first, undoings and what
    they undid too. events: of all time, newest first. held: ids of those whose energy waits for a
    person to stand by their readings.
    """

    meter: Meter
    register: str
    registers: tuple[str, ...]
    start_ms: int
    end_ms: int
    report: ValidationReport
    gaps: tuple[LedgerGap, ...]
    edits: tuple[Edit, ...]
    events: tuple[RegisterEvent, ...]
    days: tuple[SumCheck, ...]
    months: tuple[SumCheck, ...]
    held: frozenset[int] = frozenset()


def is_left(gap: LedgerGap, edits: Sequence[Edit]) -> bool:
    """Whether something is to be done about a gap.

    One without any value always is. One that the register bridges has its energy, but spread
    evenly: up to an hour that is good enough, longer its profile is to be estimated.
    """
    if not gap.done or _PARTLY in gap.done:
        return True
    if gap.end_ms - gap.start_ms <= HOUR_MS:
        return False
    return not any(
        e.start_ms < gap.end_ms
        and gap.start_ms < e.end_ms
        and e.undone_by is None
        and e.method is not EditMethod.UNDO
        for e in edits
    )


class DataQualityService:
    """photos: the folder of the site that keeps pictures of exchange protocols; None: no folder.

    clock_jumps: of the computer that polls, of a period.
    """

    def __init__(
        self,
        configuration: ConfigurationStore,
        ledger: Ledger,
        editing: LedgerEditing,
        events: RegisterEventStore,
        quarantine: Quarantine,
        validation: Validation,
        clock: Clock,
        photos: Path | None = None,
        clock_jumps: Callable[[int, int], tuple[ClockJump, ...]] = lambda _start, _end: (),
    ) -> None:
        self._configuration = configuration
        self._ledger = ledger
        self._editing = editing
        self._events = events
        self._quarantine = quarantine
        self._validation = validation
        self._clock = clock
        self._photos = photos
        self._clock_jumps = clock_jumps

    def clock_jumps(self, start_ms: int, end_ms: int) -> tuple[ClockJump, ...]:
        """When the clock of the computer that polls was set in the period, oldest first: energy
        around it may stand in another hour, and a stretch may be lacking or estimated."""
        return self._clock_jumps(start_ms, end_ms)

    def meters(
        self, start_ms: int, end_ms: int, progress: ProgressSink = no_progress
    ) -> tuple[MeterQuality, ...]:
        """Every meter of the site, those with most open gaps first."""
        meters = self._configuration.load().meters
        rows = []
        for i, meter in enumerate(meters):
            progress(i / len(meters), meter.name)
            rows.append(self._meter_quality(meter, start_ms, end_ms))
        return tuple(sorted(rows, key=lambda r: (-r.gaps, r.meter.name.casefold())))

    def look(self, meter_id: str, start_ms: int, end_ms: int, register: str = "") -> QualityLook:
        """Raises NotFound (meter, or a register that it does not have)."""
        known = self.known(meter_id)
        register = register or positive_register(self._ledger, meter_id)
        report = self._validation.report(meter_id, start_ms, end_ms, register)
        end_ms = min(end_ms, to_ms(self._clock()))
        events = tuple(e for e in reversed(self._events.events(meter_id)) if e.register == register)
        return QualityLook(
            meter=known.meter,
            register=register,
            registers=known.registers,
            start_ms=start_ms,
            end_ms=end_ms,
            report=report,
            gaps=self._gaps(meter_id, register, start_ms, end_ms),
            edits=tuple(
                e
                for e in reversed(self._editing.edits(meter_id, start_ms, end_ms))
                if e.register == register
            ),
            events=events,
            days=tuple(
                SumCheck(day.start_ms, day.end_ms, False, day.reconciliation) for day in report.days
            ),
            months=self._months(meter_id, register, start_ms, end_ms),
            held=held_back(self._ledger, events),
        )

    def known(self, meter_id: str) -> KnownMeter:
        """Raises NotFound."""
        meter = own_meter(self._configuration.load(), meter_id)
        there = self._ledger.registers(meter_id)
        return KnownMeter(meter, tuple(r for r in (*POSITIVE, NEGATIVE) if r in there))

    def keep_photo(self, source: Path, meter_id: str) -> str:
        """Copies a picture into the site folder and gives its name there.

        Raises WrongUse: no folder, another kind of file, too large, not readable.
        """
        where = str(source)
        if self._photos is None:
            raise WrongUse(
                where=where,
                what="This site has no folder to keep a photo in.",
                remedy="Describe it in the note.",
            )
        ending = source.suffix.casefold()
        if ending not in PHOTO_ENDINGS:
            raise WrongUse(
                where=where,
                what=f"{ending or 'A file without an ending'} is no photo.",
                remedy=f"Choose one of {', '.join(e[1:] for e in PHOTO_ENDINGS)}.",
            )
        try:
            if source.stat().st_size > _LARGEST_PHOTO:
                raise WrongUse(
                    where=where, what="It is larger than 50 MB.", remedy="Choose a smaller one."
                )
            content = source.read_bytes()
            # Named by its content: the same photo twice is one file, and none is overwritten.
            name = f"{_plain(meter_id)}-{hashlib.sha256(content).hexdigest()[:12]}{ending}"
            self._photos.mkdir(parents=True, exist_ok=True)
            target = self._photos / name
            if not target.exists():
                part = target.with_suffix(f"{ending}.part")
                shutil.copyfile(source, part)
                part.replace(target)
        except OSError as error:
            raise WrongUse(
                where=where,
                what=f"It cannot be copied: {error.strerror or error}.",
                remedy="Choose another file, or free some space.",
            ) from error
        return f"{self._photos.name}/{name}"

    def photo(self, name: str) -> Path | None:
        """Where a kept photo lies; None: it is no longer there."""
        if self._photos is None or not name:
            return None
        found = self._photos / Path(name).name
        return found if found.is_file() else None

    # --- parts ----------------------------------------------------------------------------------

    def _meter_quality(self, meter: Meter, start_ms: int, end_ms: int) -> MeterQuality:
        meter_id = meter.meter_id
        register = positive_register(self._ledger, meter_id)
        end_ms = min(end_ms, to_ms(self._clock()))
        kept = self._ledger.intervals(meter_id, start_ms, end_ms, register=register)
        gaps = self._editing.gaps(meter_id, register, start_ms, end_ms)
        quality = kept.quality
        measured = int(np.count_nonzero(quality <= IntervalQuality.VALIDATED))
        edits = self._editing.edits(meter_id, start_ms, end_ms) if gaps else ()
        believed = (quality > IntervalQuality.VALIDATED) & np.isfinite(kept.energy_wh)
        for gap in gaps:
            believed &= (kept.start_ms < gap.start_ms) | (kept.start_ms >= gap.end_ms)
        replaced = int(np.count_nonzero(believed))  # measured, then corrected: in no gap
        still_open = [g for g in gaps if is_left(g, edits)]
        return MeterQuality(
            meter,
            register,
            intervals=measured + replaced + sum(g.intervals for g in gaps),
            measured=measured,
            estimated=int(np.count_nonzero(quality == IntervalQuality.ESTIMATED)),
            edited=int(np.count_nonzero(quality == IntervalQuality.EDITED)),
            gaps=len(still_open),
            quarantined=sum(g.cause is GapCause.QUARANTINED for g in still_open),
            known_wh=sum(g.known_wh or 0 for g in still_open),
            last_ms=_last_end(kept),
        )

    def _gaps(
        self, meter_id: str, register: str, start_ms: int, end_ms: int
    ) -> tuple[LedgerGap, ...]:
        """With the reason of each quarantine, which stands beside the readings, not the gaps."""
        gaps = self._editing.gaps(meter_id, register, start_ms, end_ms)
        if all(g.detail or g.cause is not GapCause.QUARANTINED for g in gaps):
            return gaps
        entries = [
            e
            for e in self._quarantine.entries(start_ms, end_ms + 1, meter_id)
            if e.quantity == register
        ]
        return tuple(_with_reason(gap, entries) for gap in gaps)

    def _months(
        self, meter_id: str, register: str, start_ms: int, end_ms: int
    ) -> tuple[SumCheck, ...]:
        zone = ZoneInfo(self._configuration.load().site.zone)
        now_ms = to_ms(self._clock())
        first = from_ms(start_ms).astimezone(zone)
        year, month = first.year, first.month
        found = []
        while (bounds := local_month_bounds_ms(year, month, zone))[0] < end_ms:
            until = min(bounds[1], now_ms)
            proof = self._ledger.reconciliation(meter_id, bounds[0], until, register=register)
            found.append(SumCheck(bounds[0], until, True, proof))
            year, month = (year, month + 1) if month < 12 else (year + 1, 1)
        return tuple(found)


def _with_reason(gap: LedgerGap, entries: list[QuarantinedReading]) -> LedgerGap:
    if gap.detail or gap.cause is not GapCause.QUARANTINED:
        return gap
    inside = [e for e in entries if gap.start_ms <= e.read_at_ms <= gap.end_ms]
    reasons = dict.fromkeys(e.reason for e in inside)
    return replace(gap, detail="; ".join(reasons))


def _last_end(kept: Intervals) -> int | None:
    there = np.flatnonzero(kept.quality != IntervalQuality.MISSING)
    return int(kept.start_ms[there[-1]]) + 1000 * kept.step_s if len(there) else None


def _plain(meter_id: str) -> str:
    """The id as a file may be called everywhere."""
    return "".join(c if c.isalnum() or c in "-_" else "_" for c in meter_id)[:60] or "meter"
