"""The pages of the monthly report that prove its first one, in the order in which one asks."""

from __future__ import annotations

from zoneinfo import ZoneInfo

from energy_desktop.domain import wording
from energy_desktop.domain.finding import FindingState
from energy_desktop.domain.monthly_report import MonthlyReport
from energy_desktop.domain.site import Role
from energy_desktop.domain.waste import EveningVerdict, WasteReport
from energy_desktop.reports import charts, paper
from energy_desktop.reports.paper import SMALL, TINY, Column, Paper, Row

_METER_ROW = 12.6
_ROLE_WORDS = {
    Role.GRID: "grid",
    Role.SOLAR: "solar",
    Role.BATTERY: "battery",
    Role.LOAD: "load",
    Role.OTHER: "other",
}


def draw_proof(sheet: Paper, report: MonthlyReport) -> None:
    _flows(sheet, report)
    _clients(sheet, report)
    _waste(sheet, report)
    _findings(sheet, report)
    _alarms(sheet, report)
    _meters(sheet, report)
    _trust(sheet, report)


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
    outside, currency = sum(c.outside_wh for c in report.clients), report.invoiced_in
    sheet.heading("Outside contract hours", f"{wording.kwh(outside)} kWh in all", keep=80)
    columns = (
        Column("Client", 118),
        Column("In hours, kWh", 72, right=True),
        Column("Outside, kWh", 72, right=True),
        Column("Share", 46, right=True),
        Column("by samples, kWh", 79, right=True),
        Column(f"Net, {currency}" if currency else "Net", 62 if not currency else 52, right=True),
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
                    wording.money(client.net_units) + ("" if currency else f" {client.currency}"),
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
