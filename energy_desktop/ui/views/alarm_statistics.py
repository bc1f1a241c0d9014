"""The desk held against its targets: rate, share by priority, the alarms that nag most."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QHBoxLayout, QWidget

from energy_desktop.domain.alarm import (
    FLOOD,
    TARGET_PER_10_MIN,
    TARGET_SHARE_PCT,
    AlarmStatistics,
    FrequentAlarm,
    Priority,
)
from energy_desktop.ui.formatting import Formats, Scale
from energy_desktop.ui.widgets.chart import Chart
from energy_desktop.ui.widgets.chart_data import Bars, ChartData, Limit
from energy_desktop.ui.widgets.marks import StateChip
from energy_desktop.ui.widgets.paint import Bar, Chip, Mark
from energy_desktop.ui.widgets.panel import Panel
from energy_desktop.ui.widgets.table import Cell, Column, Table

_TEN_MIN_S = 600.0
_NAMES = {Priority.HIGH: "Critical", Priority.MEDIUM: "High", Priority.LOW: "Low"}


@dataclass(frozen=True, slots=True)
class _Share:
    priority: Priority
    share_pct: float
    target_pct: float


class AlarmStatisticsRow(QWidget):
    """Three small panels side by side."""

    def __init__(self, formats: Formats, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._formats = formats
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(8)
        self.rate_panel = Panel("Per 10 min, 24 h")
        self.rate = Chart(
            formats, Scale("", 1.0, 0, formats.symbols), name="Alarms per 10 min", readout=False
        )
        self.rate.setMinimumHeight(80)
        self.rate_panel.set_content(self.rate)
        self.share_panel = Panel("By priority")
        self.shares: Table[_Share] = Table(
            [
                Column(
                    "Priority",
                    lambda s: Cell(_NAMES[s.priority], mark=Mark(int(s.priority))),
                ),
                Column("Now", lambda s: formats.percent(s.share_pct), width=60, number=True),
                Column("Aim", lambda s: formats.percent(s.target_pct), width=52, number=True),
                Column(
                    "",
                    lambda s: Cell(
                        bar=Bar(s.share_pct / 100),
                        spoken=f"{_NAMES[s.priority]} {formats.percent(s.share_pct)}",
                    ),
                    width=52,
                    spare=True,
                ),
            ],
            key=lambda s: s.priority,
            selectable=False,
            name="Share by priority",
        )
        self.share_panel.set_content(self.shares)
        self.frequent_panel = Panel("Most frequent")
        self._chip = StateChip()
        self.frequent_panel.add_header_widget(self._chip)
        self._most = 1
        self.frequent: Table[FrequentAlarm] = Table(
            [
                Column(
                    "Alarm",
                    lambda f: Cell(
                        f"{f.rule_name}, {f.meter_name}",
                        icon="repeat" if f.chatters else "",
                        icon_token="p3_edge",
                        spoken=f"{f.rule_name}, {f.meter_name}"
                        + (", chatters" if f.chatters else ""),
                    ),
                    elide_middle=True,
                    least=120,
                ),
                Column("Times", lambda f: formats.count(f.times), width=58, number=True),
                Column(
                    "",
                    lambda f: Cell(bar=Bar(f.times / self._most), spoken=formats.count(f.times)),
                    width=44,
                    spare=True,
                ),
            ],
            key=lambda f: (f.rule_name, f.meter_name),
            selectable=False,
            name="Most frequent alarms",
        )
        self.frequent_panel.set_content(self.frequent)
        for table in (self.shares, self.frequent):
            table.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.shares.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        for panel, stretch in (
            (self.rate_panel, 10),
            (self.share_panel, 9),
            (self.frequent_panel, 10),
        ):
            row.addWidget(panel, stretch)
        self.setFixedHeight(
            max(164, self.shares.content_height(3) + 58)  # three rows always in sight
        )

    @property
    def panels(self) -> tuple[Panel, ...]:
        return (self.rate_panel, self.share_panel, self.frequent_panel)

    def show_statistics(self, found: AlarmStatistics, now_ms: int) -> None:
        formats = self._formats
        self.rate_panel.set_subtitle(
            f"mean {formats.number(found.mean_per_10_min, 2)}, "
            f"aim {formats.number(TARGET_PER_10_MIN)}"
        )
        count = len(found.per_10_min)
        now_s = now_ms / 1000
        starts = now_s - _TEN_MIN_S * np.arange(count, 0, -1, dtype=np.float64)
        worst = max(found.per_10_min, default=0)
        self.rate.show_data(
            ChartData(
                bars=(
                    Bars(
                        "alarms",
                        starts,
                        np.asarray(found.per_10_min, dtype=np.float64),
                        _TEN_MIN_S,
                        legend=False,
                    ),
                ),
                limits=(Limit(float(FLOOD), f"flood: more than {FLOOD} in 10 min", dashed=True),),
                x_range=(now_s - count * _TEN_MIN_S, now_s),
                y_range=(0.0, max(FLOOD * 1.35, worst * 1.1)),
                description=(
                    f"Mean {formats.number(found.mean_per_10_min, 2)} alarms per 10 min, "
                    f"at most {worst}, {found.flood_periods} floods in 24 h."
                ),
            )
        )
        self.share_panel.set_title(f"By priority, {found.days} days")
        self.shares.show_rows(
            [_Share(p, found.share_pct.get(p, 0.0), TARGET_SHARE_PCT[p]) for p in Priority]
            if found.activations
            else [],
            empty=f"No alarm in {found.days} days.",
        )
        self.frequent_panel.set_title(f"Most frequent, {found.days} days")
        self._most = max((f.times for f in found.frequent), default=1)
        self.frequent.show_rows(found.frequent[:20], empty=f"No alarm in {found.days} days.")
        self._chip.show_chip(
            Chip(f"{found.chattering} chatter{'s' if found.chattering == 1 else ''}", tone=3)
            if found.chattering
            else None
        )
