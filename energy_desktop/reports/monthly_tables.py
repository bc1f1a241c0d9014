"""The monthly report as sheets: every figure of its pages."""

from __future__ import annotations

from zoneinfo import ZoneInfo

from energy_desktop.domain.clock import iso_utc
from energy_desktop.domain.monthly_report import MonthlyReport
from energy_desktop.reports.tables import Column, Sheet, in_kw, in_kwh, in_money, local_time


def monthly_sheets(report: MonthlyReport) -> list[Sheet]:
    """Every figure of the monthly report, in the order of its pages."""
    sheets = [_summary(report), _day_sheet(report), _meter_sheet(report)]
    if report.profile is not None:
        sheets.append(_profile_sheet(report))
    return [*sheets, _client_sheet(report), *_waste_sheets(report), *_event_sheets(report)]


def _summary(report: MonthlyReport) -> Sheet:
    currency, peak = report.site.currency, report.peak
    return Sheet(
        "Summary",
        (Column("figure"), Column("value"), Column("unit")),
        (
            ("site", report.site.name, ""),
            ("month", report.month, ""),
            ("made_at", iso_utc(report.made_at_ms), "UTC"),
            ("simulated", "yes" if report.simulated else "no", ""),
            ("grid_import", in_kwh(report.import_wh), "kWh"),
            ("grid_import_month_before", in_kwh(report.previous_import_wh), "kWh"),
            ("grid_export", in_kwh(report.export_wh), "kWh"),
            ("solar", in_kwh(report.pv_wh), "kWh"),
            ("battery_charged", in_kwh(report.battery_charged_wh), "kWh"),
            ("battery_discharged", in_kwh(report.battery_discharged_wh), "kWh"),
            ("consumption", in_kwh(report.consumption_wh), "kWh"),
            ("submetered", in_kwh(report.submetered_wh), "kWh"),
            ("self_consumption", report.self_consumption_pct, "%"),
            ("self_sufficiency", report.self_sufficiency_pct, "%"),
            ("peak_demand", in_kw(peak.power_w) if peak else None, "kW"),
            ("peak_block_start", iso_utc(peak.block_start_ms) if peak else "", "UTC"),
            ("peak_block", peak.block_min if peak else None, "min"),
            ("base_load", in_kw(report.base_load_w), "kW"),
            ("import_cost", in_money(report.cost_units), currency),
            ("export_revenue", in_money(report.export_revenue_units), currency),
            ("data_completeness", report.completeness_pct, "%"),
            ("estimated", in_kwh(report.estimated_wh), "kWh"),
            ("estimated_share", report.estimated_pct, "%"),
            *(("note", sentence, "") for sentence in report.notes),
        ),
    )


def _day_sheet(report: MonthlyReport) -> Sheet:
    return Sheet(
        "Days",
        (
            Column("day", "date"),
            Column("import_kwh", "kwh"),
            Column("export_kwh", "kwh"),
            Column("solar_kwh", "kwh"),
            Column("consumption_kwh", "kwh"),
            Column("complete"),
        ),
        tuple(
            (
                d.day,
                in_kwh(d.import_wh),
                in_kwh(d.export_wh),
                in_kwh(d.pv_wh),
                in_kwh(d.consumption_wh),
                "yes" if d.complete else "no",
            )
            for d in report.days
        ),
    )


def _meter_sheet(report: MonthlyReport) -> Sheet:
    return Sheet(
        "Meters",
        (
            Column("meter"),
            Column("name"),
            Column("role"),
            Column("space"),
            Column("imported_kwh", "kwh"),
            Column("exported_kwh", "kwh"),
            Column("register_difference_kwh", "kwh"),
            Column("off_by_wh", "int"),
            Column("estimated_kwh", "kwh"),
            Column("missing_intervals", "int"),
            Column("completeness_pct", "pct"),
        ),
        tuple(
            (
                m.meter_id,
                m.meter_name,
                m.role.value,
                m.space_name,
                in_kwh(m.imported_wh),
                in_kwh(m.exported_wh),
                in_kwh(m.reconciliation.register_difference_wh) if m.reconciliation else None,
                m.reconciliation.discrepancy_wh if m.reconciliation else None,
                in_kwh(m.estimated_wh),
                m.missing_intervals,
                m.completeness_pct,
            )
            for m in report.meters
        ),
    )


def _profile_sheet(report: MonthlyReport) -> Sheet:
    profile = report.profile
    assert profile is not None
    return Sheet(
        "Usual day",
        (
            Column("clock"),
            Column("workday_kw", "kw"),
            Column("workday_low_kw", "kw"),
            Column("workday_high_kw", "kw"),
            Column("free_day_kw", "kw"),
        ),
        tuple(
            (
                f"{i * profile.step_min // 60:02d}:{i * profile.step_min % 60:02d}",
                *map(in_kw, values),
            )
            for i, values in enumerate(
                zip(
                    profile.workday_w,
                    profile.workday_low_w,
                    profile.workday_high_w,
                    profile.free_day_w,
                    strict=True,
                )
            )
        ),
    )


def _client_sheet(report: MonthlyReport) -> Sheet:
    suffix = f"_{report.invoiced_in}" if report.invoiced_in else ""
    return Sheet(
        "Clients",
        (
            Column("client"),
            Column("name"),
            Column("inside_kwh", "kwh"),
            Column("outside_kwh", "kwh"),
            Column("outside_by_samples_kwh", "kwh"),
            Column(f"net{suffix}", "money"),
            Column(f"total{suffix}", "money"),
            Column("invoice"),
            Column("blockers", "int"),
            Column("currency"),
        ),
        tuple(
            (
                c.client_id,
                c.client_name,
                in_kwh(c.inside_wh),
                in_kwh(c.outside_wh),
                in_kwh(c.naive_outside_wh),
                in_money(c.net_units),
                in_money(c.total_units),
                c.invoice_number or "",
                c.blockers,
                c.currency,
            )
            for c in report.clients
        ),
    )


def _waste_sheets(report: MonthlyReport) -> list[Sheet]:
    waste = report.waste
    if waste is None:
        return []
    zone = ZoneInfo(report.site.zone)
    currency = waste.currency
    return [
        Sheet(
            "Light waste",
            (
                Column("space"),
                Column("name"),
                Column("evenings", "int"),
                Column("flagged", "int"),
                Column("lit_kwh", "kwh"),
                Column("excess_kwh", "kwh"),
                Column(f"cost_{currency}", "money"),
                Column(f"yearly_saving_{currency}", "money"),
                Column("all_after_hours_kwh", "kwh"),
            ),
            tuple(
                (
                    z.space_id,
                    z.space_name,
                    z.evenings,
                    z.evenings_flagged,
                    in_kwh(z.energy_wh),
                    in_kwh(z.excess_wh),
                    in_money(z.excess_cost_units),
                    in_money(z.yearly_saving_units),
                    in_kwh(z.naive_wh),
                )
                for z in waste.zones
            ),
        ),
        Sheet(
            "Evenings",
            (
                Column("evening", "date"),
                Column("name"),
                Column("contract_end_local"),
                Column("lit_until_local"),
                Column("lit_minutes", "int"),
                Column("expected_minutes", "int"),
                Column("excess_kwh", "kwh"),
                Column(f"cost_{currency}", "money"),
                Column("verdict"),
            ),
            tuple(
                (
                    e.evening,
                    e.space_name,
                    local_time(e.contract_end_ms, zone),
                    local_time(e.lit_until_ms, zone) if e.lit_until_ms is not None else "",
                    e.lit_minutes,
                    e.expected_minutes,
                    in_kwh(e.excess_wh),
                    in_money(e.excess_cost_units),
                    e.verdict.value,
                )
                for e in waste.evenings
            ),
        ),
    ]


def _event_sheets(report: MonthlyReport) -> list[Sheet]:
    currency = report.site.currency
    return [
        Sheet(
            "Maintenance",
            (
                Column("meter"),
                Column("name"),
                Column("kind"),
                Column("since_utc"),
                Column("change_pct", "pct"),
                Column("excess_kwh", "kwh"),
                Column(f"cost_{currency}", "money"),
                Column("state"),
                Column("sentence"),
            ),
            tuple(
                (
                    f.meter_id,
                    f.meter_name,
                    f.kind.value,
                    iso_utc(f.start_ms),
                    f.change_pct,
                    in_kwh(f.excess_wh),
                    in_money(f.excess_cost_units),
                    f.state.value,
                    f.sentence,
                )
                for f in report.findings
            ),
        ),
        Sheet(
            "Alarms",
            (Column("priority", "int"), Column("raised", "int"), Column("unacknowledged", "int")),
            tuple((a.priority, a.raised, a.unacknowledged) for a in report.alarms),
        ),
        Sheet(
            "Recommendations",
            (Column("sentence"), Column("figure"), Column("view")),
            tuple((r.sentence, r.figure, r.view) for r in report.recommendations),
        ),
    ]
