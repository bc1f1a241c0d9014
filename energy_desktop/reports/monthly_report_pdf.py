"""The monthly energy report for a manager: what it was, what it cost, what to do, can I trust it.

Page one answers; the pages after it hold the proof, in the order in which one asks. Lays out only:
each figure comes from the report, and the CSV and Excel files are written from the same value.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from zoneinfo import ZoneInfo

from energy_desktop.domain import wording
from energy_desktop.domain.monthly_report import MonthlyReport
from energy_desktop.reports import charts, paper
from energy_desktop.reports.monthly_proof import draw_proof
from energy_desktop.reports.paper import (
    BODY,
    BODY_BOLD,
    LEFT,
    RIGHT,
    SMALL,
    TITLE,
    Paper,
)


def render(report: MonthlyReport, *, fonts: Path) -> bytes:
    """The PDF. Equal reports give equal bytes. fonts: the folder with the Inter files."""
    zone = ZoneInfo(report.site.zone)
    made = wording.stamp(report.made_at_ms, zone)
    complete = wording.percent(report.completeness_pct)
    sheet = Paper(
        fonts=fonts,
        title=f"Energy report {report.month}, {report.site.name}",
        author=report.site.operator or report.site.name,
        running_head=f"Energy report {wording.month(report.month)} · {report.site.name}",
        footer=f"Made {made} · data completeness {complete}"
        + (" · simulated data" if report.simulated else ""),
    )
    _head(sheet, report)
    _key_figures(sheet, report)
    _days(sheet, report)
    _recommendations(sheet, report)
    _profile(sheet, report)
    draw_proof(sheet, report)
    return sheet.finish()


def _head(sheet: Paper, report: MonthlyReport) -> None:
    sheet.text(LEFT, sheet.y - 13, f"Energy report {wording.month(report.month)}", TITLE)
    sheet.right(
        RIGHT, sheet.y - 13, paper.fit(paper.plain(report.site.name), BODY_BOLD, 200), BODY_BOLD
    )
    if report.simulated:
        sheet.right(RIGHT, sheet.y - 25, "simulated data", SMALL)
    sheet.y -= 24
    sheet.paragraph(_answer(report), BODY)
    sheet.y -= 8


def _answer(report: MonthlyReport) -> str:
    """The month in two sentences, from its figures."""
    if report.import_wh is None:
        return "The grid meter gave no energy in this month."
    running = report.made_at_ms < report.period_end_ms
    text = f"{wording.kwh(report.import_wh)} kWh came from the grid"
    if report.cost_units is not None:
        text += f" and cost {wording.money(report.cost_units)} {report.site.currency}"
    before = report.previous_import_wh
    if before and not running:
        change = 100 * (report.import_wh / before - 1)
        word = "more" if change >= 0 else "less"
        text += f", {wording.percent(abs(change))} {word} than in the month before"
    text += ". "
    outside = sum(c.outside_wh for c in report.clients)
    inside = sum(c.inside_wh for c in report.clients)
    if outside + inside:
        share = wording.percent(100 * outside / (outside + inside))
        text += f"{share} of the clients' energy was used outside their contract hours. "
    if running:
        text += "The month is not over: all figures are those up to now."
    return text


def _key_figures(sheet: Paper, report: MonthlyReport) -> None:
    zone = ZoneInfo(report.site.zone)
    peak = report.peak
    figures = (
        ("Grid import", f"{wording.kwh(report.import_wh)} kWh", _cost_line(report)),
        (
            "Consumption",
            f"{wording.kwh(report.consumption_wh)} kWh",
            f"base load {wording.kw(report.base_load_w)} kW",
        ),
        (
            "Peak demand",
            f"{wording.kw(peak.power_w if peak else None)} kW",
            wording.stamp(peak.block_start_ms, zone, with_offset=False) if peak else "no block",
        ),
        (
            "Solar",
            f"{wording.kwh(report.pv_wh)} kWh",
            f"{wording.percent(report.self_consumption_pct)} used on site",
        ),
        (
            "Data",
            wording.percent(report.completeness_pct),
            f"{wording.percent(report.estimated_pct)} estimated",
        ),
    )
    sheet.key_figures(figures)


def _cost_line(report: MonthlyReport) -> str:
    if report.cost_units is None:
        return "no price"
    return f"{wording.money(report.cost_units)} {report.site.currency}"


def _days(sheet: Paper, report: MonthlyReport) -> None:
    sheet.heading("Energy by day", _days_answer(report), keep=190)
    solar = report.pv_wh is not None
    grid = [_in_kwh(day.import_wh) for day in report.days]
    own = [
        _in_kwh(max(0, day.consumption_wh - day.import_wh))
        if day.consumption_wh is not None and day.import_wh is not None
        else None
        for day in report.days
    ]
    stacks = [charts.Stack("from the grid", grid, paper.IMPORT)]
    if solar:
        stacks.append(charts.Stack("from solar and battery", own, paper.SOLAR))
    charts.bars(
        sheet,
        [str(day.day.day) for day in report.days],
        stacks,
        height=130,
        unit="kWh",
        incomplete=[not day.complete for day in report.days],
    )


def _in_kwh(energy_wh: int | None) -> float | None:
    return None if energy_wh is None else energy_wh / 1000


def _days_answer(report: MonthlyReport) -> str:
    incomplete = sum(not day.complete for day in report.days)
    known = [d for d in report.days if d.consumption_wh is not None]
    if not known:
        return "no day with data"
    top = max(known, key=lambda d: d.consumption_wh or 0)
    text = f"most on {wording.day(top.day)}: {wording.kwh(top.consumption_wh)} kWh"
    if incomplete:
        text += f"; {wording.count(incomplete, 'day')} incomplete, hatched at the foot"
    return text


def _recommendations(sheet: Paper, report: MonthlyReport) -> None:
    sheet.heading("What to do", keep=30)
    if not report.recommendations:
        sheet.paragraph("Nothing stands out in this month.", BODY)
        return
    for number, item in enumerate(report.recommendations, 1):
        figure_width = min(
            150.0, paper.width_of(paper.plain(item.figure), BODY_BOLD.font, BODY_BOLD.size)
        )
        lines = paper.wrap(item.sentence, BODY, RIGHT - LEFT - 32 - figure_width)
        sheet.need(len(lines) * BODY.leading + 6)
        for i, line in enumerate(lines):
            sheet.y -= BODY.leading
            if i == 0:
                sheet.text(LEFT, sheet.y, f"{number}", BODY_BOLD)
                figure = paper.fit(paper.plain(item.figure), BODY_BOLD, figure_width + 1)
                sheet.right(RIGHT, sheet.y, figure, BODY_BOLD)
            sheet.text(LEFT + 16, sheet.y, line, BODY)
        sheet.y -= 5
        sheet.rule(sheet.y)


def _profile(sheet: Paper, report: MonthlyReport) -> None:
    profile = report.profile
    if profile is None:
        return
    sheet.heading("A usual day", "mean consumption by the clock, kW", keep=190)

    def kw(values: Sequence[float | None]) -> list[float | None]:
        return [None if v is None else v / 1000 for v in values]

    charts.curves(
        sheet,
        [
            charts.Curve("working days", kw(profile.workday_w), paper.INK),
            charts.Curve(
                "weekends and holidays", kw(profile.free_day_w), paper.IMPORT, dashed=True
            ),
        ],
        band=(kw(profile.workday_low_w), kw(profile.workday_high_w)),
        band_label="8 of 10 working days",
        height=130,
        unit="kW",
    )
    peak = report.peak
    if peak is not None:
        zone = ZoneInfo(report.site.zone)
        text = (
            f"Highest {peak.block_min} min mean from the grid: {wording.kw(peak.power_w)} kW on "
            f"{wording.stamp(peak.block_start_ms, zone)}"
        )
        if peak.contract_w:
            text += f", {wording.percent(100 * peak.power_w / peak.contract_w)} of the contract's "
            text += f"{wording.kw(peak.contract_w)} kW"
        sheet.paragraph(text + f". Base load {wording.kw(report.base_load_w)} kW.", SMALL)
