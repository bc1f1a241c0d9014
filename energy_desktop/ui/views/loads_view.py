"""What is switched, what may be, which pauses pay; and on a simulated site, its switches.

The program pauses nothing by itself: a person commands, and sees what the register then holds.
"""

from __future__ import annotations

import getpass
from dataclasses import dataclass
from typing import Protocol

from PySide6.QtCore import QTimer
from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from energy_desktop.domain.errors import UserFacingError
from energy_desktop.domain.plan import ShedAction
from energy_desktop.domain.site import Meter
from energy_desktop.services.loads import Command, CommandResult, DeviceRow, LoadsOutlook
from energy_desktop.ui.formatting import Scale
from energy_desktop.ui.views import loads_words as words
from energy_desktop.ui.views.base import BaseView, Subject, ViewContext
from energy_desktop.ui.views.simulation_panel import SimulationPanel
from energy_desktop.ui.widgets import paint
from energy_desktop.ui.widgets.chart import Chart
from energy_desktop.ui.widgets.panel import InlineNotice, Panel, button
from energy_desktop.ui.widgets.question import Question
from energy_desktop.ui.widgets.table import Cell, Column, Table

LIVE_INTERVAL_MS = 2000
ROWS_IN_SIGHT = 5


class Loads(Protocol):
    """What the page asks of services.loads."""

    def outlook(self) -> LoadsOutlook: ...

    def devices(self) -> tuple[DeviceRow, ...]: ...

    def command(self, device_id: str, command: Command, who: str) -> CommandResult: ...


class Simulation(Protocol):
    """What the page asks of services.simulation."""

    def voltage_modes(self) -> tuple[str, ...]: ...

    def meters(self) -> tuple[Meter, ...]: ...

    def set_voltage(self, mode: str) -> str: ...

    def set_lost(self, meter_id: str, lost: bool) -> bool: ...


@dataclass(frozen=True, slots=True)
class CommandLine:
    """One command of this session, as the list shows it."""

    number: int
    at_ms: int
    text: str
    outcome: str
    good: bool


class LoadsView(BaseView):
    """`simulation` None: a real site. `who` stands in the log; by default the system's user."""

    view_id = "loads"
    title = "Loads"

    def __init__(
        self,
        context: ViewContext,
        loads: Loads,
        simulation: Simulation | None = None,
        who: str | None = None,
    ) -> None:
        super().__init__(context)
        self._loads = loads
        self._simulation = simulation
        self._who = who if who is not None else _user_name()
        self._lines: tuple[CommandLine, ...] = ()
        self._rows: tuple[DeviceRow, ...] = ()
        self._commanding = False
        self.question: Question | None = None
        self._timer = QTimer(self)
        self._timer.setInterval(LIVE_INTERVAL_MS)
        self._timer.timeout.connect(self._refresh)
        self.told = InlineNotice("", tone=0)
        self.refused = InlineNotice("", tone=2)
        for notice in (self.told, self.refused):
            notice.hide()
            self.body.addWidget(notice)
        upper, lower = QHBoxLayout(), QHBoxLayout()
        for row in (upper, lower):
            row.setSpacing(8)
        upper.addWidget(self._make_devices(), 5)
        upper.addWidget(self._make_commands(), 3)
        lower.addWidget(self._make_prices(), 1)
        lower.addWidget(self._make_pauses(), 1)
        self.body.addLayout(upper, 5)
        self.body.addLayout(lower, 4)
        self.simulator: SimulationPanel | None = None
        if simulation is not None:
            self.simulator = SimulationPanel(simulation.voltage_modes())
            self.simulator.voltage_wanted.connect(self._set_voltage)
            self.simulator.lost_wanted.connect(self._set_lost)
            self.body.addWidget(self.simulator)
        self._enable()

    def _make_devices(self) -> Panel:
        power = self.formats.scale("W", (10_000.0,))
        self.devices_panel = Panel("Switchable loads")
        self.devices: Table[DeviceRow] = Table(
            [
                Column(
                    "Load", lambda r: Cell(r.device.name, bold=True), stretch=4, elide_middle=True
                ),
                Column("Where", lambda r: r.zone_name or r.meter_name, stretch=3),
                Column(
                    power.header("Now").removeprefix("Now, "),
                    lambda r: power.text(r.power_w),
                    width=52,
                    number=True,
                    sort_key=lambda r: -1e9 if r.power_w is None else r.power_w,
                    tooltip="Power now",
                ),
                Column(
                    "Shed",
                    lambda r: "never" if r.device.shed_order is None else str(r.device.shed_order),
                    width=56,
                    number=True,
                    sort_key=lambda r: r.device.shed_order or 10_000,
                    tooltip="Order of shedding: 1 goes first",
                ),
                Column(
                    "Off, min",
                    lambda r: (
                        "–"
                        if r.device.shed_order is None
                        else self.formats.count(r.device.longest_off_min)
                    ),
                    width=70,
                    number=True,
                    sort_key=lambda r: r.device.longest_off_min,
                    tooltip="How long it may stay off before someone notices",
                ),
                Column(
                    "May be switched",
                    lambda r: (
                        Cell("Yes")
                        if r.switchable
                        else Cell(r.why_not, icon="lock-outline", icon_token="text2")
                    ),
                    stretch=3,
                ),
            ],
            key=lambda r: r.device.device_id,
            name="Switchable loads",
        )
        # The row comes along: the selection itself follows only after this signal.
        self.devices.chosen.connect(self._enable_for)
        self.command_buttons = {
            Command.OFF: button("Switch off…", lambda: self.ask(Command.OFF), icon="power"),
            Command.ON: button("Switch on…", lambda: self.ask(Command.ON)),
            Command.TIMETABLE: button("Timetable…", lambda: self.ask(Command.TIMETABLE)),
        }
        for made in self.command_buttons.values():
            self.devices_panel.add_header_widget(made)
        self.devices_panel.set_content(self.devices)
        return self.devices_panel

    def _make_commands(self) -> Panel:
        self.commands_panel = Panel("Commands", "of this session; the log keeps all")
        self.commands: Table[CommandLine] = Table(
            [
                Column(
                    "Command",
                    lambda c: Cell(
                        c.text,
                        second=c.outcome,
                        icon="check" if c.good else "close",
                        icon_token="text2" if c.good else "p2",
                    ),
                ),
            ],
            key=lambda c: str(c.number),
            two_lines=True,
            name="Commands",
        )
        self.commands_panel.set_content(self.commands)
        self.commands.show_rows((), empty="No command in this session.")
        return self.commands_panel

    def _make_prices(self) -> Panel:
        formats = self.formats
        self.price_panel = Panel(f"Price, {formats.currency_sign} per kWh", "shaded: pauses")
        scale = Scale("", 1.0, 2, formats.symbols)
        self.prices = Chart(formats, scale, name="Price with planned pauses")
        self.price_panel.set_content(self.prices)
        return self.price_panel

    def _make_pauses(self) -> Panel:
        formats = self.formats
        energy = formats.scale("Wh", (1000.0,))
        self.plan_panel = Panel("Pauses worth making")
        self.pauses: Table[ShedAction] = Table(
            [
                Column(
                    "Load, and why",
                    lambda a: Cell(a.device_name, second=a.reason, bold=True),
                    stretch=4,
                ),
                Column(
                    "Pause",
                    lambda a: formats.period(a.start_ms, a.end_ms),
                    width=150,
                    sort_key=lambda a: a.start_ms,
                ),
                Column(
                    energy.unit,
                    lambda a: energy.text(a.energy_wh),
                    width=56,
                    number=True,
                    sort_key=lambda a: a.energy_wh,
                    tooltip="Not used in the pause",
                ),
                Column(
                    formats.currency_sign,
                    lambda a: formats.number(a.saving, 2),
                    width=56,
                    number=True,
                    sort_key=lambda a: a.saving,
                    tooltip="Saved, after what is used later instead",
                ),
            ],
            key=lambda a: f"{a.device_id} {a.start_ms}",
            two_lines=True,
            name="Pauses worth making",
        )
        self.pauses.chosen.connect(self._tell_notes)
        self.notes = paint.label("", "label", wrap=True)
        self._notes: tuple[str, ...] = ()
        box = QWidget()
        column = QVBoxLayout(box)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(6)
        column.addWidget(self.pauses, 1)
        column.addWidget(self.notes)
        self.plan_panel.set_content(box)
        return self.plan_panel

    # -------------------------------------------------------- hooks

    def on_shown(self) -> None:
        self._timer.start()

    def on_hidden(self) -> None:
        self._timer.stop()

    def reload(self) -> None:
        self.load(self._loads.devices, self.show_devices, panel=self.devices_panel)
        self.load(
            self._loads.outlook,
            self.show_outlook,
            panels=(self.price_panel, self.plan_panel),
            title="Planning pauses",
        )
        simulator, simulation = self.simulator, self._simulation
        if simulator is not None and simulation is not None:
            self.load(simulation.meters, simulator.show_meters, panel=simulator)

    def on_subject_changed(self, subject: Subject) -> None:
        self._choose_meter(subject.meter_id)

    def _choose_meter(self, meter_id: str) -> None:
        for row in self._rows:
            if meter_id and row.device.meter_id == meter_id:
                self.devices.choose(row.device.device_id)

    def _refresh(self) -> None:
        """Powers follow while the page is seen; a slow answer is waited for, not piled up."""
        latest = self._latest.get("live")
        if latest is None or latest.done:
            self.load(
                self._loads.devices,
                self.show_devices,
                key="live",
                on_error=lambda error: self.devices_panel.show_error(error, self.reload),
            )

    # -------------------------------------------------------- showing

    def show_devices(self, rows: tuple[DeviceRow, ...]) -> None:
        """Every device, first that which goes off first."""
        self._rows = rows
        if not rows:
            self.devices_panel.show_empty(
                "The site names no load that could be switched. Describe it in the site file: "
                "its meter and its control register.",
                icon="toggle-switch-outline",
                buttons=[("Open Meters", lambda: self.navigation.go("meters"))],
            )
            self._enable()
            return
        self.devices_panel.show_body()
        chosen = self.devices.chosen_row()
        self.devices.show_rows(rows)
        in_sight = min(len(rows), ROWS_IN_SIGHT)
        self.devices.setMinimumHeight(self.devices.content_height(in_sight))
        if chosen is None:
            self.devices.choose(rows[0].device.device_id)
            self._choose_meter(self.navigation.subject.meter_id)
        sheddable = [r for r in rows if r.switchable and r.device.shed_order is not None]
        power_w = sum(max(0.0, r.power_w) for r in sheddable if r.power_w is not None)
        self.devices_panel.set_subtitle(
            f"{sum(r.switchable for r in rows)} of {len(rows)}, "
            f"{self.formats.power(power_w)} may be shed now"
        )
        self._enable()

    def show_outlook(self, outlook: LoadsOutlook) -> None:
        """Prices, the pauses they make worth while, and the money against the simplest rule."""
        plan, formats = outlook.plan, self.formats
        self.prices.show_data(words.price_chart(outlook, formats.now_ms(), formats))
        self.pauses.show_rows(plan.actions, empty="No hour is dear enough to pause a load.")
        self.plan_panel.set_subtitle(words.rival(plan, formats) if plan.actions else "")
        self._notes = (*outlook.notes, "Nothing is paused without a command.")
        self._tell_notes(self.pauses.chosen_row())
        self.set_answer(words.answer(outlook, formats))

    def _tell_notes(self, chosen: ShedAction | None) -> None:
        self.notes.setText(" ".join(self._notes) if chosen is None else chosen.reason)

    def _enable(self) -> None:
        self._enable_for(self.devices.chosen_row())

    def _enable_for(self, row: DeviceRow | None) -> None:
        can = row is not None and row.switchable and not self._commanding
        for made in self.command_buttons.values():
            made.setEnabled(can)
            made.setToolTip("" if row is None else paint.plain_tooltip(row.why_not))

    # -------------------------------------------------------- commands

    def ask(self, command: Command) -> None:
        """The question before a command to the chosen load."""
        row = self.devices.chosen_row()
        if row is None or not row.switchable or self._commanding:
            return
        asked = words.command_words(row, command)
        self.question = Question(
            self,
            asked.question,
            f"It is logged as asked by {self._who}.",
            do=asked.deed,
            leave=asked.leave,
            facts=words.command_facts(row, command, self.formats),
        )
        self.question.answered.connect(lambda yes: self._command(row, command) if yes else None)
        self.question.open()

    def _command(self, row: DeviceRow, command: Command) -> None:
        self._commanding = True
        self._enable()
        self.load(
            lambda: self._loads.command(row.device.device_id, command, self._who),
            lambda result: self.show_result(row, result),
            key="command",
            title=f"Switching {row.device.name}",
            on_error=lambda error: self.show_refusal(row, command, error),
        )

    def show_result(self, row: DeviceRow, result: CommandResult) -> None:
        outcome = words.read_back(row, result, self.formats)
        past = words.command_words(row, result.asked).past
        self._ended(f"{row.device.name}: {past}", outcome, result.at_ms, good=result.done)
        notice = self.told if result.done else self.refused
        notice.set_text(f"{row.device.name}: {outcome}.")
        notice.show()
        self._refresh()

    def show_refusal(self, row: DeviceRow, command: Command, error: UserFacingError) -> None:
        past = words.command_words(row, command).past
        text = f"{row.device.name}: {past}"
        self._ended(text, f"{error.what} {error.remedy}", self.formats.now_ms(), good=False)
        self.refused.set_text(f"{error.where}: {error.what}", error.remedy)
        self.refused.show()

    def _ended(self, text: str, outcome: str, at_ms: int, *, good: bool) -> None:
        self._commanding = False
        self.told.hide()
        self.refused.hide()
        at = self.formats.clock_time(at_ms, seconds=True)
        line = CommandLine(len(self._lines) + 1, at_ms, f"{at}  {text}", outcome, good)
        self._lines = (line, *self._lines)
        self.commands.show_rows(self._lines)
        self._enable()

    # -------------------------------------------------------- simulator

    def _set_voltage(self, mode: str) -> None:
        simulator, simulation = self.simulator, self._simulation
        if simulator is not None and simulation is not None:
            self.load(
                lambda: simulation.set_voltage(mode),
                simulator.show_voltage,
                key="voltage",
                on_error=simulator.show_voltage_failure,
            )

    def _set_lost(self, meter_id: str, lost: bool) -> None:
        simulator, simulation = self.simulator, self._simulation
        if simulator is not None and simulation is not None:
            name = simulator.meter.currentText()
            self.load(
                lambda: simulation.set_lost(meter_id, lost),
                lambda held: simulator.show_lost(name, held),
                key="lost",
                on_error=simulator.show_failure,
            )


def _user_name() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError):  # no entry for this user, as in a bare container
        return "someone at this window"
