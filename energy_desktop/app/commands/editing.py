"""Commands about what the ledger believes: gaps, validate, edit, undo, exchange, corrections.

`edit` shows what it would do unless --reason is given: a correction is seen before it is done.
"""

from __future__ import annotations

from datetime import date
from decimal import Decimal, InvalidOperation
from enum import Enum
from typing import Annotated, Any
from zoneinfo import ZoneInfo

import numpy as np
import typer

from energy_desktop.app.commands.common import (
    JsonOption,
    SiteOption,
    guarded,
    opened,
    parse_moment,
    say,
    table,
)
from energy_desktop.app.commands.paper import correction_document
from energy_desktop.app.wiring import OpenSite
from energy_desktop.domain import wording
from energy_desktop.domain.clock import iso_utc, to_ms
from energy_desktop.domain.editing import (
    Edit,
    EditMethod,
    EditParameters,
    EditPreview,
    LedgerGap,
    MeterPeriod,
    RegisterEvent,
    RegisterEventKind,
    Shape,
)
from energy_desktop.domain.energy import DAY_MS, IntervalQuality
from energy_desktop.domain.errors import WrongUse
from energy_desktop.domain.validation import ValidationReport
from energy_desktop.services.exchanges import ExchangeEntry

MeterOption = Annotated[str, typer.Option("--meter", metavar="ID")]
RegisterOption = Annotated[
    str,
    typer.Option("--register", metavar="NAME", help="energy_import_wh, energy_export_wh, ..."),
]
FromOption = Annotated[
    str | None,
    typer.Option("--from", metavar="UTC", help="2026-03-01T00:00:00Z; the first data if left out."),
]
ToOption = Annotated[
    str | None, typer.Option("--to", metavar="UTC", help="The last data if left out.")
]


class MethodOption(Enum):
    """As the methods of the domain, without spaces."""

    ESTIMATE = "estimate"  # every open gap of the span, each by the rules
    SET = "set"
    SCALE = "scale"
    SPREAD = "spread"
    COPY_DAY = "copy-day"
    LINE = "line"
    LIKE_DAYS = "like-days"
    REGISTER = "register"


class ShapeOption(Enum):
    EVEN = "even"
    LIKE_DAYS = "like-days"
    DAY = "day"


_METHODS = {
    MethodOption.SET: EditMethod.SET,
    MethodOption.SCALE: EditMethod.SCALE,
    MethodOption.SPREAD: EditMethod.SPREAD,
    MethodOption.COPY_DAY: EditMethod.COPY_DAY,
    MethodOption.LINE: EditMethod.LINE,
    MethodOption.LIKE_DAYS: EditMethod.LIKE_DAYS,
    MethodOption.REGISTER: EditMethod.REGISTER,
}
_SHAPES = {
    ShapeOption.EVEN: Shape.EVEN,
    ShapeOption.LIKE_DAYS: Shape.LIKE_DAYS,
    ShapeOption.DAY: Shape.DAY,
}
_KINDS = {kind.value: kind for kind in (RegisterEventKind.EXCHANGE, RegisterEventKind.RESET)}


def register(app: typer.Typer) -> None:
    app.command()(gaps)
    app.command()(validate)
    app.command()(edit)
    app.command()(edits)
    app.command()(undo)
    app.command()(exchange)
    app.command()(corrections)


# --- looking ------------------------------------------------------------------------------------


@guarded
def gaps(
    meter: MeterOption,
    start: FromOption = None,
    end: ToOption = None,
    register: RegisterOption = "",
    site: SiteOption = None,
    as_json: JsonOption = False,
) -> None:
    """List what was not measured, why, what the register knows of it, and what was done."""
    with opened(site) as place:
        found = place.services.editing.gaps(meter, *_period(place, meter, start, end), register)
        zone = place.zone
    document = {"meter": meter, "gaps": [_gap(g) for g in found]}

    def words() -> str:
        rows = [
            (
                wording.stamp(g.start_ms, zone),
                wording.hours((g.end_ms - g.start_ms) / 60_000),
                g.cause.value,
                wording.exact_kwh(g.known_wh),
                g.done or "nothing yet",
            )
            for g in found
        ]
        headers = ("from", "for", "cause", "register kWh", "done")
        return table(headers, rows, frozenset({3})) or "No gaps."

    say(document, as_json=as_json, text=words)


def _gap(g: LedgerGap) -> dict[str, Any]:
    return {
        "register": g.register,
        "start_utc": iso_utc(g.start_ms),
        "end_utc": iso_utc(g.end_ms),
        "intervals": g.intervals,
        "cause": g.cause.value,
        "detail": g.detail,
        "known_wh": g.known_wh,
        "done": g.done,
    }


@guarded
def validate(
    meter: MeterOption,
    start: FromOption = None,
    end: ToOption = None,
    register: RegisterOption = "",
    site: SiteOption = None,
    as_json: JsonOption = False,
) -> None:
    """Hold a meter's energy against the rules and each day against its register."""
    with opened(site) as place:
        report = place.services.validation.report(
            meter, *_period(place, meter, start, end), register
        )
    say(_report(report), as_json=as_json, text=lambda: _report_text(report))


def _report(report: ValidationReport) -> dict[str, Any]:
    series, enough = report.series, report.sufficiency
    return {
        "meter": series.meter_id,
        "register": series.register,
        "step_s": series.step_s,
        "intervals": len(series.start_ms),
        "failures": [
            {
                "rule": f.rule.value,
                "start_utc": iso_utc(f.start_ms),
                "end_utc": iso_utc(f.end_ms),
                "intervals": f.intervals,
                "energy_wh": f.energy_wh,
                "sentence": f.sentence,
            }
            for f in report.failures
        ],
        "days": [
            {
                "day": d.day.isoformat(),
                "interval_sum_wh": d.reconciliation.interval_sum_wh,
                "register_difference_wh": d.reconciliation.register_difference_wh,
                "discrepancy_wh": d.reconciliation.discrepancy_wh,
                "missing_intervals": d.reconciliation.missing_intervals,
                "holds": d.holds,
            }
            for d in report.days
        ],
        "sufficiency": {
            "enough": enough.enough,
            "days": enough.days,
            "good_days": enough.good_days,
            "measured_pct": round(enough.measured_pct, 3),
            "unique_pct": round(enough.unique_pct, 3),
            "problems": list(enough.problems),
        },
    }


def _report_text(report: ValidationReport) -> str:
    held = sum(d.holds for d in report.days)
    lines = [f.sentence for f in report.failures] or ["Every interval passes every rule."]
    lines.append(f"The sum check holds on {held} of {wording.count(len(report.days), 'day')}.")
    lines.extend(report.sufficiency.problems)
    return "\n".join(lines)


@guarded
def edits(
    meter: MeterOption,
    start: FromOption = None,
    end: ToOption = None,
    site: SiteOption = None,
    as_json: JsonOption = False,
) -> None:
    """List the corrections of a meter: who, when, why, how, and what was undone."""
    with opened(site) as place:
        found = place.services.editing.edits(meter, *_period(place, meter, start, end))
        zone = place.zone
    document = {"meter": meter, "edits": [_edit(e) for e in found]}

    def words() -> str:
        rows = [
            (
                str(e.edit_id),
                wording.stamp(e.start_ms, zone),
                str(e.intervals),
                e.method.value,
                wording.exact_kwh(e.before_wh),
                wording.exact_kwh(e.after_wh),
                e.by,
                e.reason + (f" (undone by {e.undone_by})" if e.undone_by else ""),
            )
            for e in found
        ]
        headers = ("no", "from", "intervals", "method", "before kWh", "after kWh", "by", "reason")
        return table(headers, rows, frozenset({0, 2, 4, 5})) or "No corrections."

    say(document, as_json=as_json, text=words)


def _edit(e: Edit) -> dict[str, Any]:
    return {
        "id": e.edit_id,
        "meter": e.meter_id,
        "register": e.register,
        "start_utc": iso_utc(e.start_ms),
        "end_utc": iso_utc(e.end_ms),
        "method": e.method.value,
        "parameters": e.parameters,
        "intervals": e.intervals,
        "before_wh": e.before_wh,
        "after_wh": e.after_wh,
        "reason": e.reason,
        "by": e.by,
        "at_utc": iso_utc(e.at_ms),
        "undone_by": e.undone_by,
    }


# --- correcting ---------------------------------------------------------------------------------


@guarded
def edit(
    meter: MeterOption,
    start: Annotated[str, typer.Option("--from", metavar="UTC", help="Start of an interval.")],
    end: Annotated[str, typer.Option("--to", metavar="UTC", help="End of an interval.")],
    method: Annotated[
        MethodOption,
        typer.Option("--method", help="estimate fills each open gap; the others correct the span."),
    ],
    reason: Annotated[
        str | None, typer.Option("--reason", help="Why. Without it nothing is changed, only shown.")
    ] = None,
    value_wh: Annotated[
        int | None, typer.Option("--value-wh", help="set: the energy of each interval.")
    ] = None,
    factor: Annotated[str | None, typer.Option("--factor", help="scale: such as 1.5.")] = None,
    total_wh: Annotated[
        int | None,
        typer.Option("--total-wh", help="spread, copy-day, ...: the register's if left out."),
    ] = None,
    shape: Annotated[
        ShapeOption, typer.Option("--shape", help="spread, register: along what.")
    ] = ShapeOption.EVEN,
    day: Annotated[
        str | None, typer.Option("--day", metavar="YYYY-MM-DD", help="copy-day: the like day.")
    ] = None,
    free: Annotated[
        bool, typer.Option("--free", help="Do not scale to what the register counted.")
    ] = False,
    register: RegisterOption = "",
    site: SiteOption = None,
    as_json: JsonOption = False,
) -> None:
    """Correct the energy of a span; the measured values are kept. Without --reason: a preview."""
    parameters = EditParameters(
        value_wh=value_wh,
        factor=_factor(factor),
        total_wh=total_wh,
        shape=_SHAPES[shape],
        source_day=_day(day),
        keep_total=not free,
    )
    span = (parse_moment(start, "--from"), parse_moment(end, "--to"))
    with opened(site) as place:
        service = place.services.editing
        if method is MethodOption.ESTIMATE:
            preview = service.estimate_gaps(meter, *span, register)
        else:
            preview = service.preview(meter, register, *span, _METHODS[method], parameters)
        made = None if reason is None else service.apply(preview, reason)
    document = {**_preview(preview), "edit": None if made is None else _edit(made)}

    def words() -> str:
        done = (
            "Only shown; give --reason to do it."
            if made is None
            else f"Done as correction {made.edit_id}; `undo --id {made.edit_id}` takes it back."
        )
        return "\n".join([preview.sentence, *preview.warnings, done])

    say(document, as_json=as_json, text=words)


def _factor(text: str | None) -> Decimal | None:
    if text is None:
        return None
    try:
        return Decimal(text)
    except InvalidOperation:
        raise WrongUse(
            where=f"--factor {text}", what="This is no number.", remedy="Write it as 1.5."
        ) from None


def _day(text: str | None) -> date | None:
    if text is None:
        return None
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise WrongUse(
            where=f"--day {text}", what="This is no day.", remedy="Write it as 2026-03-01."
        ) from None


def _preview(preview: EditPreview) -> dict[str, Any]:
    return {
        "meter": preview.meter_id,
        "register": preview.register,
        "step_s": preview.step_s,
        "start_utc": iso_utc(preview.span_start_ms),
        "end_utc": iso_utc(preview.span_end_ms),
        "method": preview.method.value,
        "parameters": preview.parameters,
        "intervals": [
            {
                "start_utc": iso_utc(at),
                "before_wh": None if np.isnan(before) else round(before),
                "after_wh": after,
                "quality": IntervalQuality(quality).name.lower(),
            }
            for at, before, after, quality in zip(
                preview.start_ms.tolist(),
                preview.before_wh.tolist(),
                preview.after_wh.tolist(),
                preview.quality.tolist(),
                strict=True,
            )
        ],
        "total_before_wh": preview.total_before_wh,
        "total_after_wh": preview.total_after_wh,
        "register_wh": preview.register_wh,
        "measured_replaced": preview.measured,
        "sentence": preview.sentence,
        "warnings": list(preview.warnings),
    }


@guarded
def undo(
    edit_id: Annotated[int, typer.Option("--id", metavar="NO", help="See `edits`.")],
    reason: Annotated[str, typer.Option("--reason", help="Why the correction was wrong.")],
    site: SiteOption = None,
    as_json: JsonOption = False,
) -> None:
    """Take a correction back: what it replaced is in force again, both stay in the record."""
    with opened(site) as place:
        made = place.services.editing.undo(edit_id, reason)
    say(
        _edit(made),
        as_json=as_json,
        text=f"Correction {edit_id} is undone: {wording.exact_kwh(made.before_wh)} kWh before, "
        f"{wording.exact_kwh(made.after_wh)} kWh now.",
    )


@guarded
def corrections(site: SiteOption = None, as_json: JsonOption = False) -> None:
    """List issued invoices whose readings changed since: they stay, a credit note is due."""
    with opened(site) as place:
        found = place.services.billing.corrections()
    say(
        {"corrections": [correction_document(c) for c in found]},
        as_json=as_json,
        text=lambda: "\n".join(
            [c.sentence for c in found] or ["Every issued invoice is borne out by the ledger."]
        ),
    )


# --- exchanges ----------------------------------------------------------------------------------


@guarded
def exchange(
    meter: MeterOption,
    at: Annotated[
        str | None,
        typer.Option("--at", metavar="UTC", help="When. Left out: lists what was entered."),
    ] = None,
    old_end_wh: Annotated[
        int | None, typer.Option("--old-end-wh", help="What the old register showed.")
    ] = None,
    new_start_wh: Annotated[
        int | None, typer.Option("--new-start-wh", help="What the new one showed.")
    ] = None,
    serial: Annotated[str | None, typer.Option("--serial", help="Of the new meter.")] = None,
    ct_ratio: Annotated[float | None, typer.Option("--ct-ratio", help="Of the new meter.")] = None,
    modulus_wh: Annotated[
        int | None, typer.Option("--modulus-wh", help="What the new register counts to.")
    ] = None,
    kind: Annotated[str, typer.Option("--kind", help="exchange or reset.")] = "exchange",
    note: Annotated[str, typer.Option("--note")] = "",
    photo: Annotated[str, typer.Option("--photo", help="A file in the site folder.")] = "",
    remove: Annotated[
        int | None, typer.Option("--remove", metavar="NO", help="Take one back.")
    ] = None,
    register: RegisterOption = "",
    site: SiteOption = None,
    as_json: JsonOption = False,
) -> None:
    """Enter a meter exchange or reset, now or long after; without --at list them."""
    with opened(site) as place:
        service = place.services.exchanges
        warnings: tuple[str, ...] = ()
        said = ""
        if remove is not None:
            service.remove(remove, meter)
            said = f"Exchange {remove} is as if it had never been entered."
        elif at is not None:
            result = service.enter(
                ExchangeEntry(
                    meter_id=meter,
                    at_ms=parse_moment(at, "--at"),
                    old_end_wh=_needed(old_end_wh, "--old-end-wh"),
                    new_start_wh=_needed(new_start_wh, "--new-start-wh"),
                    register=register,
                    kind=_kind(kind),
                    serial_number=serial,
                    ct_ratio=ct_ratio,
                    modulus_wh=modulus_wh,
                    note=note,
                    photo=photo,
                )
            )
            warnings = result.warnings
            said = f"Entered as {result.events[0].kind.value} {result.events[0].event_id}."
        found, periods = service.events(meter), service.periods(meter)
        zone = place.zone
    document = {
        "meter": meter,
        "events": [_event(e) for e in found],
        "periods": [_meter_period(p) for p in periods],
        "warnings": list(warnings),
    }
    say(
        document,
        as_json=as_json,
        text=lambda: "\n".join(s for s in (said, *warnings, _events(found, zone)) if s),
    )


def _needed(value: int | None, option: str) -> int:
    if value is None:
        raise WrongUse(
            where="exchange",
            what=f"{option} is missing.",
            remedy="Both readings stand on the exchange protocol; write them in Wh.",
        )
    return value


def _kind(text: str) -> RegisterEventKind:
    if text not in _KINDS:
        raise WrongUse(
            where=f"--kind {text}",
            what="There is no such kind.",
            remedy=f"Write one of: {', '.join(_KINDS)}.",
        )
    return _KINDS[text]


def _event(e: RegisterEvent) -> dict[str, Any]:
    return {
        "id": e.event_id,
        "register": e.register,
        "at_utc": iso_utc(e.at_ms),
        "kind": e.kind.value,
        "old_end_wh": e.old_end_wh,
        "new_start_wh": e.new_start_wh,
        "old_serial": e.old_serial or None,
        "new_serial": e.new_serial or None,
        "old_ct_ratio": e.old_ct_ratio,
        "new_ct_ratio": e.new_ct_ratio,
        "modulus_wh": e.modulus_wh,
        "note": e.note,
        "photo": e.photo or None,
        "by": e.by,
        "entered_at_utc": iso_utc(e.entered_at_ms),
    }


def _meter_period(p: MeterPeriod) -> dict[str, Any]:
    return {
        "from_utc": iso_utc(p.valid_from_ms),
        "serial_number": p.serial_number,
        "ct_ratio": p.ct_ratio,
        "vt_ratio": p.vt_ratio,
        "modulus_wh": p.modulus_wh,
    }


def _events(found: tuple[RegisterEvent, ...], zone: ZoneInfo) -> str:
    rows = [
        (
            str(e.event_id),
            e.kind.value,
            wording.stamp(e.at_ms, zone),
            wording.exact_kwh(e.old_end_wh),
            wording.exact_kwh(e.new_start_wh),
            e.new_serial,
            e.note,
        )
        for e in found
    ]
    headers = ("no", "kind", "at", "old end kWh", "new start kWh", "serial", "note")
    return table(headers, rows, frozenset({0, 3, 4})) or "No exchange or reset was entered."


# --- parts --------------------------------------------------------------------------------------


def _period(place: OpenSite, meter_id: str, start: str | None, end: str | None) -> tuple[int, int]:
    """What was asked for, else all that is stored of the meter, until now."""
    now_ms = to_ms(place.clock())
    extent = place.store.history.extent(meter_id) or (now_ms - DAY_MS, now_ms)
    first = extent[0] if start is None else parse_moment(start, "--from")
    last = min(extent[1] + DAY_MS, now_ms) if end is None else parse_moment(end, "--to")
    return first, last
