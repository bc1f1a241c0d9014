"""Commands about what the ledger believes: gaps, validate, edit, edits, undo, corrections.

`edit` shows what it would do unless --reason is given: a correction is seen before it is done.
"""

from __future__ import annotations

from datetime import date
from decimal import Decimal, InvalidOperation
from enum import Enum
from typing import TYPE_CHECKING, Annotated, Any

import numpy as np
import typer

from energy_desktop.app.commands.common import (
    LARGEST_NO,
    JsonOption,
    SiteOption,
    guarded,
    opened,
    parse_moment,
    say,
    table,
)
from energy_desktop.app.commands.paper import correction_document
from energy_desktop.domain import wording
from energy_desktop.domain.clock import iso_utc, to_ms
from energy_desktop.domain.editing import (
    Edit,
    EditMethod,
    EditParameters,
    EditPreview,
    LedgerGap,
    Shape,
)
from energy_desktop.domain.energy import DAY_MS, IntervalQuality
from energy_desktop.domain.errors import WrongUse
from energy_desktop.domain.validation import ValidationReport

if TYPE_CHECKING:
    from energy_desktop.app.wiring import OpenSite

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


def register(app: typer.Typer) -> None:
    app.command()(gaps)
    app.command()(validate)
    app.command()(edit)
    app.command()(edits)
    app.command()(undo)
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
        jumps = place.services.quality.clock_jumps(*_period(place, meter, start, end))
    document = {
        "meter": meter,
        "gaps": [_gap(g) for g in found],
        "clock_jumps": [
            {"before_utc": iso_utc(j.before_ms), "after_utc": iso_utc(j.after_ms)} for j in jumps
        ],
    }

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
        said = table(headers, rows, frozenset({3})) or "No gaps."
        return "\n".join((said, *(wording.clock_jump(j, zone) for j in jumps)))

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
            meter, *_period(place, meter, start, end, after_ms=0), register
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
                "estimated_wh": d.reconciliation.estimated_wh,
                "edited_wh": d.reconciliation.edited_wh,
                "correction_wh": d.reconciliation.correction_wh,
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
    checked = [d for d in report.days if d.reconciliation.register_difference_wh is not None]
    lines = [f.sentence for f in report.failures] or ["Every interval passes every rule."]
    lines.append(
        f"The sum check holds on {sum(d.holds for d in checked):,} of "
        f"{wording.count(len(checked), 'day')}."
        if checked
        else "There is no register to hold the sums against."
    )
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
    edit_id: Annotated[
        int, typer.Option("--id", metavar="NO", max=LARGEST_NO, help="See `edits`.")
    ],
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


# --- parts --------------------------------------------------------------------------------------


def _period(
    place: OpenSite, meter_id: str, start: str | None, end: str | None, *, after_ms: int = DAY_MS
) -> tuple[int, int]:
    """What was asked for, else all that is stored of the meter and after_ms more, until now: a gap
    that lasts begins at the last reading, but a day without any is no day to be judged."""
    now_ms = to_ms(place.clock())
    extent = place.store.history.extent(meter_id) or (now_ms - DAY_MS, now_ms)
    first = extent[0] if start is None else parse_moment(start, "--from")
    known = max(extent[1], extent[0] + 1)
    last = min(known + after_ms, now_ms) if end is None else parse_moment(end, "--to")
    return first, last
