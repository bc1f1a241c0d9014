"""What happened differently from the book: commands, and the energy that they moved.

The book says what every circuit does by timetable. A command changes that from its second on, so
the registers get an offset: the integral of the difference. Without a command there is nothing to
integrate and nothing to store. A command expires after twelve hours (the watchdog of a real
device), and the battery joins its timetable again once its charge has: so a simulator that was
stopped for a week catches up in an instant.
"""

from dataclasses import dataclass

import numpy as np

from energy_desktop.acquisition.simulator.book import (
    MinuteBook,
    Pages,
    battery_power,
    charge_after,
    limit_battery,
)
from energy_desktop.acquisition.simulator.moments import MINUTES_PER_DAY
from energy_desktop.acquisition.simulator.noise import Floats

OFF, ON, TIMETABLE, SETPOINT = 0, 1, 2, 3
"""What a switch can hold. Battery: OFF stands still, ON and TIMETABLE are self-consumption."""

COMMAND_LASTS_S = 12 * 3600
REJOIN_AFTER_S = 24 * 3600  # after the last command, when the charge did not meet by itself
_SAME_CHARGE_WH = 0.5


@dataclass(frozen=True)
class Command:
    """value: OFF, ON or SETPOINT; until: second at which the device goes back by itself."""

    value: int
    until: int
    setpoint_w: float = 0.0


class LiveState:
    """Offsets (rows,) to the book's registers, and the commands in force. No lock of its own."""

    def __init__(self, book: MinuteBook) -> None:
        self._book = book
        rows = book.rows.count
        self.in_wh = np.zeros(rows)
        self.out_wh = np.zeros(rows)
        self.var_h = np.zeros(rows)
        self.commands: dict[int, Command] = {}
        self.soc_wh: float | None = None  # None: as in the book
        self.second = 0  # everything before it is integrated
        self.last_command = 0

    @property
    def deviates(self) -> bool:
        return bool(self.commands) or self.soc_wh is not None

    def command(self, row: int, value: int, second: int, setpoint_w: float = 0.0) -> None:
        """A command given at `second`, to which the state was advanced before."""
        if value == TIMETABLE or (value == ON and row == self._book.rows.battery):
            self.commands.pop(row, None)
        else:
            self.commands[row] = Command(value, second + COMMAND_LASTS_S, setpoint_w)
        self.last_command = second
        if self.soc_wh is None and self._book.rows.battery is not None:
            self.soc_wh = self._book_charge(second)

    def advance(self, second: int) -> None:
        """Integrates the difference up to `second`; a second in the past changes nothing."""
        while self.second < second and self.deviates:
            ends = min((command.until for command in self.commands.values()), default=second)
            until = min(second, (self.second // 60 + 1) * 60, max(ends, self.second + 1))
            self._integrate(until)
            self._settle()
        self.second = max(self.second, second)

    def power(self, second: int) -> Floats:
        """(rows,): mean power of the minute with the commands in force."""
        pages = self._pages(second)
        i = second // 60 - pages.start
        return self._actual(pages, i, 1.0 / 3600.0) if self.deviates else pages.power_w[:, i]

    def charge(self, second: int) -> float:
        """Stored energy of the battery in Wh."""
        return self._book_charge(second) if self.soc_wh is None else self.soc_wh

    def _actual(self, pages: Pages, i: int, hours: float) -> Floats:
        book, rows = self._book, self._book.rows
        base = pages.power_w[:, i]
        actual = base.copy()
        for row, command in self.commands.items():
            if row < rows.circuits:
                load = book.circuits[row].load
                actual[row] = max(base[row], load.on_w) if command.value == ON else 0.0
        net = book.net(actual)
        if rows.battery is not None and book.battery is not None and self.soc_wh is not None:
            order = self.commands.get(rows.battery)
            if order is None:
                night = bool(pages.night[i])
                power = battery_power(net, self.soc_wh, hours, book.battery, night=night)
            elif order.value == SETPOINT:
                power = limit_battery(order.setpoint_w, self.soc_wh, hours, book.battery)
            else:
                power = 0.0
            actual[rows.battery] = power
            net -= power
        actual[rows.grid] = net
        return actual

    def _integrate(self, until: int) -> None:
        book, rows = self._book, self._book.rows
        pages = self._pages(self.second)
        i = self.second // 60 - pages.start
        a, b = self.second % 60, until - self.second // 60 * 60
        pattern = int(pages.pattern[i])
        base = pages.power_w[:, i]
        actual = self._actual(pages, i, (b - a) / 3600.0)
        hours = (b - a + book.ripple_sum[:, pattern, b] - book.ripple_sum[:, pattern, a]) / 3600.0
        taken = (np.maximum(actual, 0.0) - np.maximum(base, 0.0)) * hours
        given = (np.maximum(-actual, 0.0) - np.maximum(-base, 0.0)) * hours
        now = book.grid_seconds(actual, pattern)[a:b]
        before = book.grid_seconds(base, pattern)[a:b]
        taken[rows.grid] = (np.maximum(now, 0.0) - np.maximum(before, 0.0)).sum() / 3600.0
        given[rows.grid] = (np.maximum(-now, 0.0) - np.maximum(-before, 0.0)).sum() / 3600.0
        reactive = (actual - base) * pages.tangent[:, i] * hours
        reactive[rows.grid] = reactive[: rows.circuits].sum()
        self.in_wh += taken
        self.out_wh += given
        self.var_h += reactive
        if rows.battery is not None and book.battery is not None and self.soc_wh is not None:
            power = float(actual[rows.battery])
            self.soc_wh = charge_after(self.soc_wh, power, (b - a) / 3600.0, book.battery)
        self.second = until

    def _settle(self) -> None:
        """Drops what has expired, and joins the book when nothing differs any more."""
        for row, command in list(self.commands.items()):
            if command.until <= self.second:
                del self.commands[row]
                self.last_command = self.second
        if self.commands or self.soc_wh is None:
            return
        apart = abs(self.soc_wh - self._book_charge(self.second))
        if apart < _SAME_CHARGE_WH or self.second - self.last_command > REJOIN_AFTER_S:
            self.soc_wh = None

    def _book_charge(self, second: int) -> float:
        pages = self._pages(second)
        i, part = second // 60 - pages.start, second % 60 / 60.0
        return float(pages.soc_wh[i] + (pages.soc_wh[i + 1] - pages.soc_wh[i]) * part)

    def _pages(self, second: int) -> Pages:
        return self._book.day(second // 60 // MINUTES_PER_DAY)
