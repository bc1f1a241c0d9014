"""The monthly energy report for a manager: what it was, what it cost, what to do, can I trust it.

Page one answers; the pages after it hold the proof, in the order in which one asks. Lays out only:
each figure comes from the report, and the CSV and Excel files are written from the same value.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from zoneinfo import ZoneInfo

from energy_desktop.domain import wording
from energy_desktop.domain.finding import FindingState
from energy_desktop.domain.monthly_report import MonthlyReport
from energy_desktop.domain.site import Role
from energy_desktop.domain.waste import EveningVerdict, WasteReport
from energy_desktop.reports import charts, paper
from energy_desktop.reports.paper import (
    BODY,
    BODY_BOLD,
    KEY_FIGURE,
    LEFT,
    RIGHT,
    SMALL,
    TINY,
    TITLE,
    Column,
    Paper,
    Row,
)

_METER_ROW = 12.6
_ROLE_WORDS = {
    Role.GRID: "grid",
    Role.SOLAR: "solar",
    Role.BATTERY: "battery",
    Role.LOAD: "load",
    Role.OTHER: "other",
}


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
    _flows(sheet, report)
    _clients(sheet, report)
    _waste(sheet, report)
    _findings(sheet, report)
    _alarms(sheet, report)
    _meters(sheet, report)
    _trust(sheet, report)
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
    width, gap = (RIGHT - LEFT - 4 * 8) / 5, 8.0
    widest = max(paper.width_of(v, KEY_FIGURE.font, KEY_FIGURE.size) for _, v, _ in figures)
    size = KEY_FIGURE.size * min(1.0, (width - 14) / widest)  # one size for all of them
    style = paper.Style(KEY_FIGURE.font, size, KEY_FIGURE.color)
    y = sheet.y - 58
    for i, (label, value, below) in enumerate(figures):
        x = LEFT + i * (width + gap)
        sheet.box(x, y, width, 54, paper.WELL)
        sheet.text(x + 8, y + 40, label, SMALL)
        sheet.text(x + 8, y + 21, value, style)
        sheet.text(x + 8, y + 8, paper.fit(below, TINY, width - 12), TINY)
    sheet.y = y - 4


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


def _flows(sheet: Paper, report: MonthlyReport) -> None:
    sheet.heading("Where it came from and what it cost", keep=110)
    currency = report.site.currency
    columns = (
        Column("", 250),
        Column("Energy, kWh", 110, right=True),
        Column(f"{currency} per kWh", 70, right=True),
        Column(currency, 69, right=True),
    )
    rows = [
        Row(
            (
                "From the grid",
                wording.kwh(report.import_wh),
                wording.unit_price(report.site.price_import_per_kwh),
                wording.money(report.cost_units),
            )
        ),
        Row(("From solar", wording.kwh(report.pv_wh), "", "")),
        Row(("From the battery", wording.kwh(report.battery_discharged_wh), "", "")),
        Row(("Into the battery", _minus(report.battery_charged_wh), "", "")),
        Row(
            (
                "To the grid",
                _minus(report.export_wh),
                wording.unit_price(report.site.price_export_per_kwh),
                wording.money(
                    None if report.export_revenue_units is None else -report.export_revenue_units
                ),
            )
        ),
        Row(
            (
                "Used on site",
                wording.kwh(report.consumption_wh),
                "",
                wording.money(_net_cost(report)),
            ),
            bold=True,
            rule_above=True,
        ),
    ]
    sheet.table(columns, rows)
    parts = []
    if report.self_consumption_pct is not None:
        parts.append(
            f"{wording.percent(report.self_consumption_pct)} of the solar energy stayed here"
        )
    if report.self_sufficiency_pct is not None:
        parts.append(
            f"{wording.percent(report.self_sufficiency_pct)} of the consumption needed no grid"
        )
    if report.submetered_wh is not None and report.consumption_wh:
        rest = report.consumption_wh - report.submetered_wh
        parts.append(f"{wording.kwh(rest)} kWh are not sub-metered")
    if parts:
        sheet.paragraph(". ".join(p[0].upper() + p[1:] for p in parts) + ".", SMALL)


def _minus(energy_wh: int | None) -> str:
    return wording.kwh(None if energy_wh is None else -energy_wh)


def _net_cost(report: MonthlyReport) -> int | None:
    if report.cost_units is None:
        return None
    return report.cost_units - (report.export_revenue_units or 0)


def _clients(sheet: Paper, report: MonthlyReport) -> None:
    if not report.clients:
        return
    outside = sum(c.outside_wh for c in report.clients)
    sheet.heading("Outside contract hours", f"{wording.kwh(outside)} kWh in all", keep=80)
    columns = (
        Column("Client", 118),
        Column("In hours, kWh", 72, right=True),
        Column("Outside, kWh", 72, right=True),
        Column("Share", 46, right=True),
        Column("by samples, kWh", 79, right=True),
        Column(f"Net, {report.site.currency}", 52, right=True),
        Column("Invoice", 60),
    )
    charts.split_rows(
        sheet,
        [(c.client_name, c.inside_wh, c.outside_wh) for c in report.clients],
        ("in contract hours", "outside"),
    )
    rows = []
    for client in report.clients:
        used = client.inside_wh + client.outside_wh
        open_points = f"{client.blockers} open" if client.blockers else "draft"
        rows.append(
            Row(
                (
                    client.client_name,
                    wording.kwh(client.inside_wh),
                    wording.kwh(client.outside_wh),
                    wording.percent(100 * client.outside_wh / used if used else None),
                    wording.kwh(client.naive_outside_wh),
                    wording.money(client.net_units),
                    client.invoice_number or open_points,
                )
            )
        )
    sheet.table(columns, rows)
    sheet.paragraph(
        "By samples: what integrating power readings would have billed. "
        "The invoice follows the meters' registers.",
        TINY,
    )


def _waste(sheet: Paper, report: MonthlyReport) -> None:
    waste = report.waste
    if waste is None or not waste.zones:
        return
    cost = sum(z.excess_cost_units for z in waste.zones)
    sheet.heading(
        "Light after the cleaning round",
        f"{wording.money(cost)} {waste.currency} in this month; over three hours is flagged",
        keep=80,
    )
    columns = (
        Column("Zone", 130),
        Column("Evenings", 52, right=True),
        Column("flagged", 46, right=True),
        Column("Lit, kWh", 60, right=True),
        Column("Excess, kWh", 68, right=True),
        Column(f"Cost, {waste.currency}", 60, right=True),
        Column("Saving a year", 83, right=True),
    )
    zones = sorted(waste.zones, key=lambda z: -z.excess_cost_units)
    rows = [
        Row(
            (
                zone.space_name,
                f"{zone.evenings}",
                f"{zone.evenings_flagged}",
                wording.kwh(zone.energy_wh),
                wording.kwh(zone.excess_wh),
                wording.money(zone.excess_cost_units),
                wording.money(zone.yearly_saving_units),
            )
        )
        for zone in zones
    ]
    rows.append(
        Row(
            (
                "All zones",
                f"{sum(z.evenings for z in zones)}",
                f"{sum(z.evenings_flagged for z in zones)}",
                wording.kwh(sum(z.energy_wh for z in zones)),
                wording.kwh(sum(z.excess_wh for z in zones)),
                wording.money(cost),
                wording.money(sum(z.yearly_saving_units for z in zones)),
            ),
            bold=True,
            rule_above=True,
        )
    )
    sheet.table(columns, rows)
    sheet.paragraph(_waste_words(waste), SMALL)


def _waste_words(waste: WasteReport) -> str:
    naive = sum(z.naive_wh for z in waste.zones)
    unknown = sum(e.verdict is EveningVerdict.NO_DATA for e in waste.evenings)
    text = (
        f"Calling all light after hours waste would say {wording.kwh(naive)} kWh: "
        "cleaning and standby would count. "
        f"Data completeness of the evenings {wording.percent(waste.data_completeness_pct)}"
    )
    if unknown:
        text += f"; {wording.count(unknown, 'evening')} without enough data, in no total"
    return text + "."


def _findings(sheet: Paper, report: MonthlyReport) -> None:
    shown = [f for f in report.findings if f.state is not FindingState.DISMISSED]
    sheet.heading("Maintenance", "" if shown else "no equipment drifts from its baseline", keep=60)
    if not shown:
        return
    zone = ZoneInfo(report.site.zone)
    columns = (
        Column("Equipment", 120),
        Column("Since", 70),
        Column("Change", 52, right=True),
        Column("Excess, kWh", 66, right=True),
        Column(f"Cost, {report.site.currency}", 60, right=True),
        Column("State", 131),
    )
    sheet.table(
        columns,
        [
            Row(
                (
                    f.meter_name,
                    wording.stamp(f.start_ms, zone, with_offset=False)[:-6],
                    wording.percent(f.change_pct),
                    wording.kwh(f.excess_wh),
                    wording.money(f.excess_cost_units),
                    f.state.value,
                )
            )
            for f in shown
        ],
    )
    sheet.bullets([f.sentence for f in shown], SMALL)


def _alarms(sheet: Paper, report: MonthlyReport) -> None:
    raised = sum(a.raised for a in report.alarms)
    open_ = sum(a.unacknowledged for a in report.alarms)
    sheet.heading(
        "Alarms",
        f"{raised:,} raised, {open_:,} not acknowledged" if raised else "none raised",
        keep=40,
    )
    if raised:
        sheet.table(
            (
                Column("Priority", 120),
                Column("Raised", 80, right=True),
                Column("Not acknowledged", 110, right=True),
            ),
            [
                Row((f"{a.priority}", f"{a.raised:,}", f"{a.unacknowledged:,}"))
                for a in report.alarms
            ],
        )


def _meters(sheet: Paper, report: MonthlyReport) -> None:
    sheet.need(min(len(report.meters) * _METER_ROW + 190, 640))  # one page to check the rest by
    sheet.heading("Meters", "sum of the intervals held against each meter's register", keep=80)
    columns = (
        Column("Meter", 110),
        Column("Role", 40),
        Column("Imported, kWh", 66, right=True),
        Column("Exported, kWh", 66, right=True),
        Column("Register, kWh", 66, right=True),
        Column("Off by, Wh", 54, right=True),
        Column("estim., kWh", 50, right=True),
        Column("Complete", 47, right=True),
    )
    rows = []
    for meter in report.meters:
        held = meter.reconciliation
        difference = held.register_difference_wh if held else None
        rows.append(
            Row(
                (
                    meter.meter_name,
                    _ROLE_WORDS[meter.role],
                    wording.kwh(meter.imported_wh),
                    wording.kwh(meter.exported_wh),
                    wording.kwh(difference),
                    wording.number(held.discrepancy_wh if held else None, 0),
                    wording.kwh(meter.estimated_wh) if meter.estimated_wh else "",
                    wording.percent(meter.completeness_pct),
                ),
                color=paper.WARN if meter.completeness_pct < 95 else None,
            )
        )
    sheet.table(columns, rows, row_height=_METER_ROW)


def _trust(sheet: Paper, report: MonthlyReport) -> None:
    zone = ZoneInfo(report.site.zone)
    at_start = wording.offset(report.period_start_ms, zone)
    at_end = wording.offset(report.period_end_ms - 1, zone)
    offsets = at_start if at_start == at_end else f"{at_start}, at the end {at_end}"
    expected = sum(m.intervals for m in report.meters)
    missing = sum(m.missing_intervals for m in report.meters)
    sheet.heading("What the figures rest on", keep=60)
    sheet.bullets(
        [
            f"Data completeness {wording.percent(report.completeness_pct)}: "
            f"{expected - missing:,} of {expected:,} intervals of {len(report.meters)} meters. "
            "What is missing is in no total.",
            f"Estimated: {wording.kwh(report.estimated_wh)} kWh "
            f"({wording.percent(report.estimated_pct)}) of the grid import.",
            "Energy is the difference of the meters' registers. Consumption is a balance: grid "
            "import less export, plus solar, plus battery discharge less charge.",
            f"Days and hours are local to {report.site.zone} ({offsets}).",
            "Cost is energy times the site's prices, without tax, fees and demand charges.",
            *report.notes,
        ],
        SMALL,
    )
