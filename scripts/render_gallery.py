"""Renders every widget in its states, light and dark, to PNGs for looking at.

    python -m scripts.render_gallery FOLDER

The values are invented; the pictures show shapes, not a site.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QApplication, QGridLayout, QHBoxLayout, QVBoxLayout, QWidget

from energy_desktop.domain.errors import MeterUnreachable
from energy_desktop.ui import theme
from energy_desktop.ui.formatting import Formats
from energy_desktop.ui.widgets import paint
from energy_desktop.ui.widgets.carpet import Carpet, CarpetView
from energy_desktop.ui.widgets.chart import Chart
from energy_desktop.ui.widgets.chart_data import (
    Bars,
    ChartData,
    Fan,
    Floats,
    Limit,
    Line,
    Moment,
    Note,
    Points,
    Region,
    Steps,
)
from energy_desktop.ui.widgets.demand_gauge import Demand, DemandGauge
from energy_desktop.ui.widgets.hour_calendar import (
    CalendarDay,
    HourCalendar,
    HourCalendarView,
    HourCell,
)
from energy_desktop.ui.widgets.marks import FactList, Figure, FigureRow, Legend, StateChip
from energy_desktop.ui.widgets.meter_dots import Dot, DotGroup, DotState, MeterDots
from energy_desktop.ui.widgets.paint import Band, Bar, Chip, Mark, Spark
from energy_desktop.ui.widgets.panel import InlineNotice, Panel, button
from energy_desktop.ui.widgets.power_flow import FlowNode, PowerFlow, PowerFlowView
from energy_desktop.ui.widgets.segmented import Segmented
from energy_desktop.ui.widgets.table import Cell, Column, Table

FONTS = Path(__file__).resolve().parents[1] / "resources" / "fonts"
DAY_S = 1_760_392_800.0  # 14 Oct 2025 00:00 in Berlin
FORMATS = Formats("Europe/Berlin")
RANDOM = np.random.default_rng(7)


def _page() -> tuple[QWidget, QGridLayout]:
    page = QWidget()
    page.setProperty("kind", "page")
    page.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
    grid = QGridLayout(page)
    grid.setContentsMargins(12, 12, 12, 12)
    grid.setSpacing(8)
    return page, grid


def a_flow() -> PowerFlow:
    return PowerFlow(
        sources=(
            FlowNode(
                "grid",
                "Grid import",
                186_400,
                "0.3120 €/kWh now",
                "grid_import",
                "transmission-tower",
            ),
            FlowNode("pv", "Solar", 94_200, "71 % of clear-sky", "solar", "white-balance-sunny"),
            FlowNode("bat", "Battery", 30_000, "discharging, 58 %", "battery", "battery-medium"),
        ),
        sinks=(
            FlowNode(
                "h2",
                "Hall 2 machines",
                121_700,
                "38 kW of it estimated",
                typical_w=(100e3, 130e3),
                scale_max_w=180e3,
            ),
            FlowNode(
                "h1",
                "Hall 1 machines",
                98_300,
                "typical 84 to 118",
                typical_w=(84e3, 118e3),
                scale_max_w=180e3,
            ),
            FlowNode(
                "ch",
                "Chillers, ventilation",
                52_400,
                "above typical 28 to 44",
                typical_w=(28e3, 44e3),
                scale_max_w=90e3,
            ),
            FlowNode(
                "of",
                "Office",
                21_800,
                "typical 17 to 27",
                typical_w=(17e3, 27e3),
                scale_max_w=45e3,
            ),
            FlowNode(
                "ev", "EV chargers", None, "lost 15 min", typical_w=(0, 22e3), scale_max_w=45e3
            ),
            FlowNode(
                "rest",
                "Not sub-metered",
                5_400,
                "typical 2 to 9",
                typical_w=(2e3, 9e3),
                scale_max_w=20e3,
            ),
        ),
        total_w=310_600,
    )


def a_demand() -> Demand:
    start = round((DAY_S + 14.5 * 3600) * 1000)
    trace = tuple(
        (
            start + i * 10_000,
            205_000 + 31_000 * float(np.exp(-i / 10)) + 3000 * float(np.sin(i / 5)),
        )
        for i in range(44)
    )
    return Demand(
        start,
        start + 900_000,
        start + 432_000,
        trace[-1][1],
        194_000,
        trace,
        248_000,
        260_000,
        "Up to 289 kW until 14:45 sets no new peak.",
    )


def a_calendar(days: int = 14) -> HourCalendar:
    rows = []
    for day in range(days):
        weekend = day % 7 in (3, 4)
        cells = []
        for hour in range(25 if day == 9 else 24):
            inside = 6 <= hour < 22 and not weekend
            out = (weekend and day == 3 and 8 <= hour < 12) or (day % 5 == 1 and hour >= 22)
            if day == days - 1 and hour >= 15:
                cells.append(HourCell("future"))
            elif day == 6 and 9 <= hour < 12:
                cells.append(HourCell("no_data"))
            elif out:
                cells.append(HourCell("out_of_contract", 4000.0 + 3000 * (hour % 3), hour == 23))
            else:
                cells.append(HourCell("contract" if inside else "outside"))
        total = sum(c.energy_wh for c in cells)
        rows.append(
            CalendarDay(
                FORMATS.day(round((DAY_S + (day - 13) * 86400) * 1000)),
                tuple(cells),
                total,
                "holiday, no contract hours" if day == 4 else "",
                bold=day == days - 1,
            )
        )
    return HourCalendar(tuple(rows))


def a_carpet(days: int = 91) -> Carpet:
    hour = np.arange(96) / 4
    work = ((hour > 8) & (hour < 21)).astype(float)
    values = np.empty((days, 96))
    for day in range(days):
        level = 12_000 if day % 7 in (5, 6) else 100_000
        values[day] = 10_000 + work * level * (0.5 + RANDOM.random(96) / 1.5)
    values[43, 36:52] = np.nan
    values[70, 8:28] = np.nan
    starts = tuple(round((DAY_S + (d - days) * 86400) * 1000) for d in range(days))
    return Carpet(starts, values, 900, (96,) * days)


def day_chart() -> ChartData:
    x = DAY_S + np.arange(0, 87_000, 300.0)
    shape = 60e3 + 235e3 / (1 + np.exp(-(x - DAY_S - 6 * 3600) / 1500)) / (
        1 + np.exp((x - DAY_S - 21 * 3600) / 2200)
    )
    measured = np.where(x < DAY_S + 14.6 * 3600, shape + RANDOM.normal(0, 3500, len(x)), np.nan)
    measured[60:66] = np.nan
    coming = np.where(x >= DAY_S + 14.6 * 3600, shape - 12e3, np.nan)
    return ChartData(
        fans=(Fan("8 of 10 Tuesdays", x, shape * 0.9, shape * 1.08),),
        lines=(
            Line("today", x, measured, "text"),
            Line("forecast", x, coming, "forecast", "dash"),
        ),
        regions=(
            Region(DAY_S, DAY_S + 6 * 3600, "shade"),
            Region(DAY_S + 22 * 3600, DAY_S + 86_400, "shade"),
        ),
        moments=(Moment(DAY_S + 14.6 * 3600),),
        notes=(Note(DAY_S + 600, 110e3, "Hall 2 lights\nuntil 01:40", "out_of_contract"),),
        x_range=(DAY_S, DAY_S + 86_400),
        y_zero=True,
        description="Load is 311 kW, within the range of other Tuesdays.",
    )


def overview_like() -> QWidget:
    page, grid = _page()
    flow = PowerFlowView(FORMATS)
    flow.show_flow(a_flow())
    power = Panel("Power now")
    power.add_header_widget(paint.label("Site load", "label"))
    power.add_header_widget(paint.label("310.6 kW", "page"))
    power.set_content(flow)
    grid.addWidget(power, 0, 0)
    gauge = DemandGauge(FORMATS)
    gauge.show_demand(a_demand())
    demand = Panel("Quarter-hour demand")
    demand.add_header_widget(StateChip(Chip("7:48 left")))
    demand.set_content(gauge)
    grid.addWidget(demand, 0, 1)
    cost = Panel("Cost today", "typical by now: 441 to 498")
    figures = FigureRow()
    figures.show_figures([Figure("so far", "€ 476.20"), Figure("estimated", "38", "kWh", "2 of 9")])
    cost.set_content(figures)
    facts = FactList()
    facts.show_facts(
        [("Import", "€ 486.10"), ("Export", "− € 0.90"), ("Difference", "9,643.4 kWh", True)]
    )
    cost.set_content(facts)
    cost.body.addStretch(1)
    grid.addWidget(cost, 0, 2)
    load = Panel("Site load today, kW")
    chart = Chart(FORMATS, name="Site load today")
    chart.show_data(day_chart())
    load.add_header_widget(Legend(chart.legend_entries()))
    load.set_content(chart)
    grid.addWidget(load, 1, 0)
    meters = Panel("Meters", "42 of 43 answering")
    dots = MeterDots()
    dots.show_groups(
        (
            DotGroup("COM4", tuple(_dot(i, "lost" if i == 6 else "good") for i in range(11))),
            DotGroup("COM5", tuple(_dot(i, "good") for i in range(9))),
            DotGroup("Gate 1", tuple(_dot(i, "late" if i == 4 else "good") for i in range(12))),
        )
    )
    meters.set_content(dots)
    meters.set_content(paint.label("1 lost, 1 late. Data 99.2 % complete.", "label"))
    meters.body.addStretch(1)
    grid.addWidget(meters, 1, 1)
    grid.addWidget(_alarms(), 1, 2)
    grid.setColumnStretch(0, 5)
    grid.setColumnStretch(1, 3)
    grid.setColumnStretch(2, 3)
    return page


def _dot(number: int, state: DotState) -> Dot:
    return Dot(f"m{number}", f"Meter {number}", state)


def _alarms() -> Panel:
    alarms = Panel("Alarms", "7 current, 3 not acknowledged")
    rows = [
        (1, False, "Chiller 2: no current on L2", "4 min"),
        (2, False, "Compressor 3 meter lost", "16 min"),
        (3, True, "Demand projection <b>high</b>", "1 h 51"),
        (3, False, "PV inverter 2 counter frozen since Monday", "26 h"),
    ]
    table: Table[tuple[int, bool, str, str]] = Table(
        [
            Column(
                "Alarm",
                lambda r: Cell(r[2], mark=Mark(r[0], hollow=r[1]), bold=r[0] < 3),
            ),
            Column("For", lambda r: r[3], width=64, number=True),
        ],
        key=lambda r: r[2],
        name="Alarms",
    )
    table.show_rows(rows)
    table.choose("Compressor 3 meter lost")
    alarms.set_content(table)
    return alarms


def billing_like() -> QWidget:
    page, grid = _page()
    calendar = HourCalendarView(FORMATS)
    calendar.show_calendar(a_calendar())
    month = Panel("October so far, contract hours and use outside them")
    month.set_content(calendar)
    grid.addWidget(month, 0, 0)
    carpet = CarpetView(FORMATS)
    carpet.show_carpet(a_carpet())
    carpet.choose_day(65)
    days = Panel("Every quarter hour of 91 days", "Hall 1, active power")
    days.set_content(carpet)
    grid.addWidget(days, 1, 0)
    grid.addWidget(_equipment(), 0, 1)
    states = Panel("States")
    states.set_content(
        InlineNotice(
            "No answer for 15 min 32 s",
            "Compressor 3 (SDM630, COM4, unit 7): no answer in 3 tries of 1.0 s.",
            buttons=[("Try now", _nothing), ("Open in Meters", _nothing)],
        )
    )
    row = QHBoxLayout()
    row.addWidget(Segmented([("day", "Day"), ("week", "Week"), ("month", "Month")], name="Period"))
    row.addWidget(button("Issue invoice", icon="lock-outline", kind="primary"))
    row.addWidget(button("Preview PDF", icon="file-pdf-box"))
    off = button("Shelve", kind="")
    off.setEnabled(False)
    row.addWidget(off)
    row.addWidget(button("Open", kind="link"))
    row.addStretch(1)
    states.set_content(row)
    both = QHBoxLayout()
    broken, empty = Panel("Frames on COM4"), Panel("Forecast")
    broken.show_error(
        MeterUnreachable(
            where="Lathe (SDM120, COM4, unit 7)",
            what="No answer in 3 tries of 1.0 s.",
            remedy="Check that it is powered and that its address is 7.",
        ),
        _nothing,
    )
    empty.show_empty("Learning: 12 of 21 days.", buttons=[("Import readings", _nothing)])
    both.addWidget(broken)
    both.addWidget(empty)
    states.set_content(both)
    grid.addWidget(states, 1, 1)
    grid.setColumnStretch(0, 3)
    grid.setColumnStretch(1, 2)
    return page


def _equipment() -> Panel:
    panel = Panel("Energy per run hour against own baseline", "9 watched, 2 drift")
    lines = [
        (name, change, tuple(np.cumsum(RANDOM.normal(change / 26, 0.6, 26)).tolist()))
        for name, change in (("Chiller 2", 12.4), ("Compressor 1", 6.1), ("Mill 2", -0.8))
    ]
    table: Table[tuple[str, float, tuple[float, ...]]] = Table(
        [
            Column("Equipment", lambda r: Cell(r[0], "26 weeks", bold=True), stretch=2),
            Column(
                "Excess, %",
                lambda r: Cell(FORMATS.number(r[1], 1), bold=r[1] > 5),
                width=80,
                number=True,
                sort_key=lambda r: r[1],
            ),
            Column(
                "Grey: normal",
                lambda r: Cell(spark=Spark(r[2], -2, 2, "p2" if r[1] > 10 else "text2")),
                width=110,
            ),
            Column("Band", lambda r: Cell(band=Band(r[1], -2, 5, -10, 20)), width=90),
            Column("Score", lambda r: Cell(bar=Bar(abs(r[1]) / 14)), width=80),
            Column(
                "State",
                lambda r: Cell(chip=Chip("Drifts" if r[1] > 5 else "Steady", 2 if r[1] > 5 else 0)),
                width=80,
            ),
        ],
        key=lambda r: r[0],
        two_lines=True,
    )
    table.show_rows(lines)
    panel.set_content(table)
    return panel


def forecast_like() -> QWidget:
    page, grid = _page()
    x = DAY_S + np.arange(0, 48 * 3600, 900.0)
    load = 150e3 + 90e3 * np.sin((x - DAY_S) / 7000)
    now = DAY_S + 14.5 * 3600
    spread = np.where(x > now, 8e3 + (x - now) / 3, np.nan)
    demand = Chart(FORMATS, name="Grid demand", x_grid=True)
    demand.show_data(
        ChartData(
            fans=(
                Fan("95 %", x, load - spread, load + spread, "forecast", 46),
                Fan("80 %", x, load - spread / 2, load + spread / 2, "forecast", 80),
            ),
            lines=(
                Line("measured", x, np.where(x <= now, load, np.nan), "text"),
                Line("median", x, np.where(x >= now, load, np.nan), "forecast", "dash"),
            ),
            limits=(Limit(260e3, "contract 260 kW"),),
            moments=(Moment(now, "now"),),
            y_zero=True,
        )
    )
    demand.set_cursor(float(x[80]), pinned=True)
    price = Chart(FORMATS, FORMATS.scale("€/MWh"), name="Price")
    edges: Floats = DAY_S + np.arange(49.0) * 3600.0
    prices = 70 + 50 * np.sin(np.arange(48) / 4)
    known = np.where(np.arange(48) < 24, prices, np.nan)
    price.show_data(
        ChartData(
            steps=(
                Steps("day-ahead", edges, known, "price", fill=True),
                Steps(
                    "expected", edges, np.where(np.arange(48) >= 24, prices, np.nan), style="dot"
                ),
            ),
            moments=(Moment(now),),
        )
    )
    battery = Chart(FORMATS, name="Battery plan")
    battery.show_data(
        ChartData(
            bars=(
                Bars("discharge", x[80:92], np.full(12, 50e3), 900.0, "battery"),
                Bars("charge", x[60:70], np.full(10, -50e3), 900.0, "grid_import"),
            ),
            lines=(
                Line(
                    "charge level",
                    x,
                    50 + 40 * np.sin((x - DAY_S) / 9000),
                    "forecast",
                    "dash",
                    axis="right",
                ),
            ),
            moments=(Moment(now),),
        )
    )
    scatter = Chart(
        FORMATS,
        FORMATS.scale("Wh"),
        name="By temperature",
        numeric_x=True,
        x_scale=FORMATS.scale("°C"),
    )
    warm = np.sort(RANDOM.uniform(8, 31, 400))
    use = np.maximum(4e3, 4e3 + (warm - 13) * 560) + RANDOM.normal(0, 500, 400)
    scatter.show_data(
        ChartData(
            points=(
                Points("before", warm, use, "typical", size=4, alpha=170),
                Points("now", warm[300::6], use[300::6] * 1.14, "p2", "triangle"),
            ),
            lines=(Line("baseline", warm, np.maximum(4e3, 4e3 + (warm - 13) * 560), "load"),),
        )
    )
    gap = Chart(FORMATS, name="Active power, last hour")
    xs = DAY_S + np.arange(3600.0)
    power = 38e3 + RANDOM.normal(0, 1500, 3600)
    power[2700:] = np.nan
    gap.show_data(
        ChartData(
            lines=(Line("Compressor 3", xs, power, "curve4", end_label=True),),
            regions=(Region(xs[2700], xs[-1], "gap", "no data"),),
            moments=(Moment(xs[2700], "14:21:40 last answer", "p2"),),
            y_zero=True,
        )
    )
    week = Chart(FORMATS, FORMATS.scale("Wh", [9e6 * 2]), name="Weeks", numeric_x=True)
    week.show_data(
        ChartData(
            bars=(
                Bars("2025", np.arange(12.0), 6e6 + 2e6 * RANDOM.random(12), 0.4, "grid_import"),
                Bars("2024", np.arange(12.0) + 0.42, 6e6 + 2e6 * RANDOM.random(12), 0.4, "typical"),
            ),
            tick_texts=tuple((i + 0.4, f"week {29 + i}") for i in range(12)),
        )
    )
    boxes: list[tuple[str, Chart]] = [
        ("Grid demand, kW", demand),
        ("kWh per run hour by temperature", scatter),
        ("Price, €/MWh", price),
        ("Active power, last hour, kW", gap),
        ("Battery plan, kW, and charge, %", battery),
        ("Weeks against 2024, MWh", week),
    ]
    for place, (title, chart) in enumerate(boxes):
        panel = Panel(title)
        panel.add_header_widget(Legend(chart.legend_entries()))
        panel.set_content(chart)
        grid.addWidget(panel, place // 2, place % 2)
    return page


def _nothing() -> None:
    """A gallery does nothing when pressed."""


PAGES: dict[str, Callable[[], QWidget]] = {
    "overview": overview_like,
    "billing": billing_like,
    "forecast": forecast_like,
}


def render(folder: Path) -> list[Path]:
    """Writes a picture of each page in both themes. Returns the files."""
    app = QApplication.instance() or QApplication([])
    assert isinstance(app, QApplication)
    folder.mkdir(parents=True, exist_ok=True)
    made = []
    for name in theme.THEMES:
        theme.apply_theme(app, name, FONTS)
        for title, build in PAGES.items():
            frame = QWidget()
            column = QVBoxLayout(frame)
            column.setContentsMargins(0, 0, 0, 0)
            column.addWidget(build())
            frame.resize(1178, 640)
            frame.show()
            for _ in range(3):
                app.processEvents()
            path = folder / f"gallery-{title}-{name}.png"
            frame.grab().save(str(path))
            made.append(path)
            frame.close()
    return made


if __name__ == "__main__":
    for written in render(Path(sys.argv[1]) if len(sys.argv) > 1 else Path("out/gallery")):
        print(written)
