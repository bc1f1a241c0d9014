"""Corrects the ledger: shows what a correction would do, does it, takes it back.

A preview holds every value before and after, so that nothing is done that was not seen; applying
one is refused when the ledger moved on meanwhile. What was measured is never lost: each correction
is a new version, with who, when, why and how.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import numpy as np

from energy_desktop.domain import wording
from energy_desktop.domain.clock import Clock, to_ms
from energy_desktop.domain.editing import (
    Edit,
    EditMethod,
    EditParameters,
    EditPreview,
    IntervalVersion,
    LedgerGap,
)
from energy_desktop.domain.energy import DAY_MS, IntervalQuality
from energy_desktop.domain.errors import NotEnoughData, NotFound, WrongUse
from energy_desktop.domain.ports import ConfigurationStore, InvoiceStore, Ledger, LedgerEditing
from energy_desktop.domain.site import Meter
from energy_desktop.services.edit_methods import EditMethods, Span, kwh_text
from energy_desktop.services.gap_filling import GapFiller
from energy_desktop.services.own_meters import own_meter
from energy_desktop.services.register_spans import register_energy
from energy_desktop.services.registers import positive_register

if TYPE_CHECKING:
    from energy_desktop.domain.energy import Int64s

ESTIMATES = frozenset({EditMethod.LINE, EditMethod.LIKE_DAYS, EditMethod.REGISTER})
LONGEST_DAYS = 5 * 366  # in one go: each interval is a row of its own, kept for good
EARLIEST_MS = 20 * 365 * DAY_MS  # about 1990
_NO_PARAMETERS = EditParameters()


class EditingService:
    """`who` is the name of the person at this program. invoices None: no invoice is warned of.

    on_corrected: called after the ledger changed, for whoever remembers some of it.
    """

    def __init__(
        self,
        configuration: ConfigurationStore,
        ledger: Ledger,
        editing: LedgerEditing,
        clock: Clock,
        who: str,
        invoices: InvoiceStore | None = None,
        on_corrected: Callable[[], None] | None = None,
    ) -> None:
        self._configuration = configuration
        self._ledger = ledger
        self._editing = editing
        self._clock = clock
        self._who = who
        self._invoices = invoices
        self._on_corrected = on_corrected
        self._methods = EditMethods(ledger)
        self._filler = GapFiller(ledger, editing)

    # --- looking --------------------------------------------------------------------------------

    def gaps(
        self, meter_id: str, start_ms: int, end_ms: int, register: str = ""
    ) -> tuple[LedgerGap, ...]:
        """Runs without a believed value that meet the period, each whole, with cause and what was
        done. register empty: the one that counts what the meter is there for."""
        self._meter(meter_id)
        register = self._register(meter_id, register)
        step_s = self._ledger.intervals(meter_id, start_ms, start_ms, register=register).step_s
        return self._filler.whole_gaps(meter_id, register, step_s * 1000, start_ms, end_ms)

    def edits(self, meter_id: str, start_ms: int, end_ms: int) -> tuple[Edit, ...]:
        """Corrections that meet [start_ms, end_ms), oldest first."""
        self._meter(meter_id)
        return self._editing.edits(meter_id, start_ms, end_ms)

    def versions(
        self, meter_id: str, start_ms: int, end_ms: int, register: str = ""
    ) -> tuple[IntervalVersion, ...]:
        """Every value that each interval had."""
        self._meter(meter_id)
        return self._editing.versions(
            meter_id, self._register(meter_id, register), start_ms, end_ms
        )

    # --- before it is done ----------------------------------------------------------------------

    def preview(
        self,
        meter_id: str,
        register: str,
        start_ms: int,
        end_ms: int,
        method: EditMethod,
        parameters: EditParameters = _NO_PARAMETERS,
    ) -> EditPreview:
        """What `method` would make of every interval of [start_ms, end_ms); nothing is changed.

        Raises NotFound (meter), WrongUse (span, parameters), NotEnoughData (nothing to go by).
        """
        span = self._span(meter_id, register, start_ms, end_ms)
        chosen, after, told = self._methods.after(span, method, parameters)
        return self._made(span, method, told, chosen, after)

    def estimate_gaps(
        self, meter_id: str, start_ms: int, end_ms: int, register: str = ""
    ) -> EditPreview:
        """Fills every gap of the period that nothing was done about, by the rules of the house.

        Up to an hour: a straight line between the neighbours. Longer: the same weekday and time of
        the previous 3 weeks. Where the register knows the energy of the gap, the sum meets it to
        the Wh. What cannot be told stays open, and a warning says why. Raises as `preview`, and
        NotEnoughData when there is nothing to fill or nothing to fill it with.
        """
        span = self._span(meter_id, register, start_ms, end_ms)
        filled = self._filler.fill(
            span.meter, span.register, span.zone, span.step_s, span.start_ms, span.end_ms
        )
        if not filled.parts:
            raise NotEnoughData(
                where=f"{span.meter.name}, {span.text}",
                what=filled.warnings[0] if filled.warnings else "There is no gap to fill.",
                remedy="See the list of gaps."
                if len(filled.warnings) < 2
                else f"{len(filled.warnings)} gaps stay open; see their list.",
            )
        starts = np.concatenate([part.starts for part in filled.parts])
        after = np.concatenate([part.energy_wh for part in filled.parts])
        order = np.argsort(starts)
        starts, after = starts[order], after[order]
        first, last = int(starts[0]), int(starts[-1]) + span.step_s * 1000
        wider = self._span(meter_id, span.register, first, last)
        chosen = np.isin(wider.starts, starts)
        preview = self._made(wider, filled.method, filled.told, chosen, after)
        register_wh = filled.register_wh
        return replace(
            preview,
            register_wh=register_wh,
            sentence=filled.sentence,
            warnings=(*filled.warnings, *self._invoice_warnings(wider)),
        )

    # --- doing ----------------------------------------------------------------------------------

    def apply(self, preview: EditPreview, reason: str) -> Edit:
        """Puts the values of the preview in force, in one transaction.

        Raises WrongUse without a reason, and when the ledger changed since the preview was made.
        """
        meter = self._meter(preview.meter_id)
        zone = self._zone()
        where = f"{meter.name}, {wording.stamp(preview.span_start_ms, zone)}"
        if not reason.strip():
            raise WrongUse(
                where=where,
                what="A correction needs a reason.",
                remedy="Write why: the next reader of the bill will ask.",
            )
        now = self._ledger.intervals(
            preview.meter_id,
            preview.span_start_ms,
            preview.span_end_ms,
            register=preview.register,
            step_s=preview.step_s,
        )
        here = np.isin(now.start_ms, preview.start_ms)
        same = np.array_equal(now.energy_wh[here], preview.before_wh, equal_nan=True)
        if not same or not np.array_equal(now.quality[here], preview.before_quality):
            raise WrongUse(
                where=where,
                what="The ledger changed since the preview was made.",
                remedy="Make the preview again.",
            )
        made = self._editing.apply_edit(
            Edit(
                edit_id=0,
                meter_id=preview.meter_id,
                register=preview.register,
                step_s=preview.step_s,
                start_ms=preview.span_start_ms,
                end_ms=preview.span_end_ms,
                method=preview.method,
                reason=reason.strip(),
                by=self._who,
                at_ms=to_ms(self._clock()),
                parameters=preview.parameters,
            ),
            preview.start_ms,
            preview.after_wh,
            preview.quality,
        )
        self._tell()
        return made

    def undo(self, edit_id: int, reason: str) -> Edit:
        """Puts back what the correction replaced; gives the undoing as a correction of its own.

        Raises NotFound; WrongUse without a reason, when it was undone before, or when a later
        correction stands on it.
        """
        if not reason.strip():
            raise WrongUse(
                where=f"Correction {edit_id}",
                what="Undoing needs a reason, too.",
                remedy="Write why the correction was wrong.",
            )
        made = self._editing.undo(edit_id, self._who, reason.strip(), to_ms(self._clock()))
        self._tell()
        return made

    # --- parts ----------------------------------------------------------------------------------

    def _tell(self) -> None:
        if self._on_corrected is not None:
            self._on_corrected()

    def _meter(self, meter_id: str) -> Meter:
        return own_meter(self._configuration.load(), meter_id)

    def _zone(self) -> ZoneInfo:
        return ZoneInfo(self._configuration.load().site.zone)

    def _register(self, meter_id: str, register: str) -> str:
        return register or positive_register(self._ledger, meter_id)

    def _span(self, meter_id: str, register: str, start_ms: int, end_ms: int) -> Span:
        """The whole intervals of the period. Raises WrongUse for one that is none."""
        meter, zone = self._meter(meter_id), self._zone()
        register = self._register(meter_id, register)
        if register not in self._ledger.registers(meter_id):
            raise NotFound(
                where=meter.name,
                what=f"No energy of {register} is stored.",
                remedy="Import its readings first, or choose another register.",
            )
        step_s = self._ledger.intervals(meter_id, start_ms, start_ms, register=register).step_s
        step_ms = step_s * 1000
        span = Span(
            meter, register, zone, step_s, start_ms, end_ms,
            np.empty(0, np.int64), np.empty(0), np.empty(0, np.int8), None,
        )  # fmt: skip
        if start_ms >= end_ms or start_ms % step_ms or end_ms % step_ms:
            step = wording.hours(step_s / 60)
            raise span.wrong(
                f"The span is not made of whole intervals of {step}.",
                f"Choose a start and a later end on the {step} grid.",
            )
        last = self._ledger.intervals(meter_id, end_ms - 1, end_ms - 1, register=register)
        if last.step_s != step_s:
            raise span.wrong(
                f"Its intervals are {wording.hours(step_s / 60)} long at the beginning of the span "
                f"and {wording.hours(last.step_s / 60)} at its end.",
                "Correct what lies before the change of the length and what lies after it apart.",
            )
        if start_ms < EARLIEST_MS:
            raise span.wrong("Nobody measured such intervals then.", "Check the year of its start.")
        if end_ms - start_ms > LONGEST_DAYS * DAY_MS:
            raise span.wrong(
                f"It is longer than {LONGEST_DAYS // 366} years.", "Correct it in shorter spans."
            )
        if end_ms > to_ms(self._clock()):
            raise span.wrong("Its end lies in the future.", "Choose an end that has passed.")
        now = self._ledger.intervals(meter_id, start_ms, end_ms, register=register, step_s=step_s)
        known_wh = register_energy(self._ledger, meter_id, register, start_ms, end_ms, step_ms)
        return replace(
            span,
            starts=now.start_ms,
            energy_wh=now.energy_wh,
            quality=now.quality,
            register_wh=known_wh,
        )

    def _made(
        self,
        span: Span,
        method: EditMethod,
        told: str,
        chosen: np.ndarray[tuple[int, ...], np.dtype[np.bool_]],
        after: Int64s,
    ) -> EditPreview:
        """chosen (n,): which intervals of the span change; after: their new energies."""
        before, quality = span.energy_wh[chosen], span.quality[chosen]
        new = IntervalQuality.ESTIMATED if method in ESTIMATES else IntervalQuality.EDITED
        measured = int(np.count_nonzero(span.measured[chosen]))
        total_before = int(np.rint(before.sum())) if np.isfinite(before).all() else None
        total_after = int(after.sum())
        preview = EditPreview(
            meter_id=span.meter.meter_id,
            register=span.register,
            step_s=span.step_s,
            span_start_ms=span.start_ms,
            span_end_ms=span.end_ms,
            method=method,
            parameters=told,
            start_ms=span.starts[chosen],
            before_wh=before,
            after_wh=after,
            before_quality=quality,
            quality=np.full(len(after), new, np.int8),
            total_before_wh=total_before,
            total_after_wh=total_after,
            register_wh=span.register_wh,
            measured=measured,
            sentence="",
        )
        return replace(
            preview,
            sentence=_sentence(preview),
            warnings=(*self._value_warnings(span, chosen, preview), *self._invoice_warnings(span)),
        )

    def _register_begins(self, span: Span) -> int | None:
        """When the register was first seen, if that is after the span; None: it is not."""
        meter_id, register = span.meter.meter_id, span.register
        if span.register_wh is not None or span.energy_wh.size == 0:
            return None
        before = self._ledger.reconciliation(meter_id, 0, span.end_ms, register=register)
        if before.opening is not None:
            return None
        now_ms = to_ms(self._clock())
        after = self._ledger.reconciliation(meter_id, span.end_ms, now_ms, register=register)
        return None if after.opening is None else after.opening.read_at_ms

    def _value_warnings(
        self, span: Span, chosen: np.ndarray[tuple[int, ...], np.dtype[np.bool_]], made: EditPreview
    ) -> list[str]:
        found = []
        if made.measured:
            found.append(
                f"{wording.count(made.measured, 'measured interval')} would be replaced; "
                "the measured values are kept beside."
            )
        limit_w = span.meter.connection_limit_w
        if limit_w is not None:
            too_much = int(np.count_nonzero(made.after_wh > limit_w * span.step_s / 3600))
            if too_much:
                found.append(
                    f"{wording.count(too_much, 'interval')} would carry more than the connection "
                    f"can ({wording.kw(limit_w)} kW)."
                )
        if (since_ms := self._register_begins(span)) is not None:
            found.append(
                f"It lies before the first reading of the register "
                f"({wording.stamp(since_ms, span.zone)}): nothing can be held against it."
            )
        left = span.energy_wh[~chosen]
        if span.register_wh is not None and np.isfinite(left).all():
            off = made.total_after_wh + int(np.rint(left.sum())) - span.register_wh
            if off:
                found.append(
                    f"The span would hold {abs(off):,} Wh {'more' if off > 0 else 'less'} than "
                    "its register counted: the sum check of the day will show it."
                )
        return found

    def _invoice_warnings(self, span: Span) -> list[str]:
        if self._invoices is None:
            return []
        return [
            f"Invoice {invoice.number} to {invoice.client.name} was issued from these readings: "
            "it stays as it is and will be listed as to be corrected."
            for invoice in self._invoices.issued()
            if any(m.meter_id == span.meter.meter_id for m in invoice.meters)
            and invoice.period_start_ms < span.end_ms
            and span.start_ms < invoice.period_end_ms
        ]


def _sentence(made: EditPreview) -> str:
    before = made.total_before_wh
    was = "unknown before" if before is None else f"{kwh_text(before)} before"
    count = wording.count(len(made.start_ms), "interval")
    hours = wording.hours(len(made.start_ms) * made.step_s / 60)
    text = f"{count} ({hours}): {kwh_text(made.total_after_wh)}, {was}; {made.parameters}."
    return text[0].upper() + text[1:]
