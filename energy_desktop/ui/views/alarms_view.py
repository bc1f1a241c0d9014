"""What needs someone first, and what to do about it.

The list follows the desk but never moves under the reader: while a row is chosen, new alarms wait
in a bar above the list ("2 new, one of priority 1") until they are asked for; what changed in the
rows that are shown is repainted in place.
"""

from __future__ import annotations

import getpass
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from pathlib import Path

from PySide6.QtCore import Qt
from PySide6.QtGui import QKeySequence, QShortcut
from PySide6.QtWidgets import QFileDialog, QHBoxLayout, QStackedWidget, QVBoxLayout, QWidget

from energy_desktop.domain.alarm import Alarm, AlarmRule, AlarmState, AlarmStatistics
from energy_desktop.domain.errors import UserFacingError
from energy_desktop.services.alarm_desk import AlarmDesk
from energy_desktop.services.alarm_rules import AlarmRuleService
from energy_desktop.services.alarms import JOURNAL_DAYS, AlarmPast, AlarmService
from energy_desktop.ui.live_feed import LiveFeed
from energy_desktop.ui.views import alarm_words as words
from energy_desktop.ui.views.alarm_detail import AlarmDetail
from energy_desktop.ui.views.alarm_rules_panel import RuleForm, rules_table
from energy_desktop.ui.views.alarm_statistics import AlarmStatisticsRow
from energy_desktop.ui.views.base import BaseView, Subject, ViewContext
from energy_desktop.ui.widgets.panel import Panel, button
from energy_desktop.ui.widgets.segmented import Segmented
from energy_desktop.ui.widgets.table import Cell, Column, Table

CURRENT, WAITING, SHELVED, JOURNAL, RULES = "current", "waiting", "shelved", "journal", "rules"
_STATISTICS_EVERY_MS = 30_000
_CALM_MS = 3_000  # a flood of changes asks for statistics no more often
_DETAIL_WIDTH = 356

Key = tuple[str, str]


@dataclass(frozen=True, slots=True)
class AlarmRow:
    """A row of the list. lasted: grows while it is shown, so it is part of the row."""

    alarm: Alarm
    lasted: str


def key_of(alarm: Alarm) -> Key:
    """An open alarm is one per rule and meter; its number changes once, when it is stored."""
    return alarm.rule.rule_id, alarm.meter_id


class AlarmsView(BaseView):
    """Tabs over one list, the chosen alarm beside it, statistics below."""

    view_id = "alarms"
    title = "Alarms"

    def __init__(
        self,
        context: ViewContext,
        desk: AlarmDesk,
        alarms: AlarmService,
        rules: AlarmRuleService,
        feed: LiveFeed | None = None,
        *,
        who: str | None = None,
        ask_file: Callable[[QWidget, str], str] | None = None,
    ) -> None:
        """who: the name offered for the journal. ask_file: gives the path to export to."""
        super().__init__(context)
        self._desk = desk
        self._alarms = alarms
        self._rules = rules
        self._feed = feed
        self._ask_file = ask_file or _ask_csv
        self._seen_version = -1
        self._statistics_ms = 0
        self._statistics_old = True
        self._current_now: tuple[Alarm, ...] = ()
        self._shelved_now: tuple[Alarm, ...] = ()
        self._shown_rows: tuple[Alarm, ...] = ()
        self._held: tuple[Alarm, ...] = ()
        self._journal: tuple[Alarm, ...] = ()
        self._quiet_since_ms: int | None = None
        self._meter_names: dict[str, str] = {}
        self._past_of: tuple[int, int | None, Key] | None = None

        self.tabs = Segmented(self._tab_texts(), name="Alarms shown")
        self.tabs.changed.connect(self._on_tab)
        self.new_button = button("", self._take_new, icon="arrow-up", kind="link")
        self.new_button.hide()
        filter_row = QHBoxLayout()
        filter_row.setSpacing(12)
        filter_row.addWidget(self.tabs)
        filter_row.addWidget(self.new_button)
        filter_row.addStretch(1)

        self.list_panel = Panel()
        self.table = self._alarm_table(key_of, "Alarms")
        self.journal_table = self._alarm_table(lambda a: a.alarm_id, "Journal")
        self.rules_table = rules_table(self.formats, self._meter_names)
        self.lists = QStackedWidget()
        for table in (self.table, self.journal_table, self.rules_table):
            self.lists.addWidget(table)
        self.list_panel.set_content(self.lists)
        for table in (self.table, self.journal_table):
            table.chosen.connect(self._on_chosen)
            table.opened.connect(self._open_readings)
        self.rules_table.chosen.connect(self._on_rule_chosen)

        self.detail = AlarmDetail(self.formats, who if who is not None else _user_name())
        self.detail.acknowledge.connect(self._acknowledge)
        self.detail.shelve.connect(self._shelve)
        self.detail.unshelve.connect(self._unshelve)
        self.form = RuleForm(self.formats)
        self.form.saved.connect(self._save_rule)
        self.side = QStackedWidget()
        self.side.addWidget(self.detail)
        self.side.addWidget(self.form)
        self.side.setMinimumWidth(_DETAIL_WIDTH)
        self.side.setMaximumWidth(_DETAIL_WIDTH + 120)

        self.statistics = AlarmStatisticsRow(self.formats)
        left = QVBoxLayout()
        left.setSpacing(8)
        left.addLayout(filter_row)
        left.addWidget(self.list_panel, 1)
        left.addWidget(self.statistics)
        whole = QHBoxLayout()
        whole.setSpacing(8)
        whole.addLayout(left, 5)
        whole.addWidget(self.side, 2)
        self.body.addLayout(whole)

        self.add_page_action("Export CSV", "download", self.export)
        for table in (self.table, self.journal_table):
            for key, act in (
                (Qt.Key.Key_A, self.detail.ask_acknowledge),
                (Qt.Key.Key_S, self.detail.ask_shelve),
            ):
                shortcut = QShortcut(QKeySequence(key), table)
                shortcut.setContext(Qt.ShortcutContext.WidgetShortcut)
                shortcut.activated.connect(act)
        self.detail.show_nothing("Choose an alarm to see what to do.")

    def _alarm_table(self, key: Callable[[Alarm], Hashable], name: str) -> Table[AlarmRow]:
        formats = self.formats

        def lasted(row: AlarmRow) -> Cell:
            return Cell(row.lasted, words.when_text(formats, row.alarm))

        def first(row: AlarmRow) -> Cell:
            alarm = row.alarm
            what = f"{alarm.meter_name} · {words.against_limit(formats, alarm)}"
            return Cell(
                alarm.rule.name,
                what,
                bold=alarm.needs_acknowledgement,
                mark=words.mark_of(alarm),
                spoken=f"Priority {int(alarm.rule.priority)}, {alarm.state.value}, "
                f"{alarm.rule.name}, {what}",
            )

        def third(row: AlarmRow) -> Cell:
            alarm = row.alarm
            if alarm.shelved_until_ms is not None:
                return Cell(
                    f"shelved by {alarm.shelved_by}",
                    f"until {formats.moment(alarm.shelved_until_ms)}: {alarm.shelve_reason}",
                )
            if alarm.acknowledged_at_ms is None:
                return Cell()
            note = f": {alarm.acknowledge_note}" if alarm.acknowledge_note else ""
            return Cell(alarm.acknowledged_by, f"{formats.moment(alarm.acknowledged_at_ms)}{note}")

        columns: list[Column[AlarmRow]] = [
            Column("Alarm", first, stretch=6, elide_middle=True, least=230),
            Column("State", lambda r: Cell(chip=words.chip_of(r.alarm)), width=170),
            Column("For", lasted, width=132, number=True),
            Column("Acknowledged by", third, width=136, spare=True),
        ]
        return Table(columns, key=lambda row: key(row.alarm), two_lines=True, name=name)

    # -------------------------------------------------------- hooks

    def on_shown(self) -> None:
        if self._feed is not None:
            self._feed.heartbeat.connect(self._on_heartbeat)
        self._follow_item(self.navigation.subject)
        self._on_heartbeat()

    def on_hidden(self) -> None:
        if self._feed is not None:
            self._feed.heartbeat.disconnect(self._on_heartbeat)

    def on_subject_changed(self, subject: Subject) -> None:
        self._follow_item(subject)

    def reload(self) -> None:
        self._refresh(resort=True)
        self._load_statistics()
        self.load(self._alarms.quiet_since_ms, self.show_quiet, key="quiet")
        self.load(self._read_rules, self.show_rules, key="rules", on_error=self._on_rule_error)
        if self.tabs.value == JOURNAL:
            self._load_journal()

    def focus_filter(self) -> None:
        self.tabs.setFocus()

    def export(self) -> None:
        """The journal of 30 days with what stands, as CSV."""
        path = self._ask_file(self, "alarms.csv")
        if not path:
            return
        self.load(
            lambda: self._alarms.export_csv(Path(path)),
            lambda written: self.set_answer(f"The journal is in {written}."),
            key="export",
            title="Export of the journal",
            on_error=lambda error: self.set_answer(f"Not exported. {error.what}"),
        )

    # -------------------------------------------------------- following the desk

    def _on_heartbeat(self) -> None:
        now_ms = self.formats.now_ms()
        if self._desk.version() != self._seen_version:
            self._refresh(resort=False)
            self._statistics_old = True
        elif self._shown_rows and self.tabs.value not in (JOURNAL, RULES):
            self.table.show_rows(self._rows(self._shown_rows))
        age_ms = now_ms - self._statistics_ms
        if age_ms > _STATISTICS_EVERY_MS or (self._statistics_old and age_ms > _CALM_MS):
            self._load_statistics()
        alarm = self.detail.alarm
        if alarm is not None and self.side.currentWidget() is self.detail:
            self.detail.show_alarm(alarm, now_ms)

    def _refresh(self, *, resort: bool) -> None:
        self._seen_version = self._desk.version()
        current, shelved = self._desk.current(), self._desk.shelved()
        self.show_alarms(current, shelved, resort=resort)

    def show_alarms(
        self, current: tuple[Alarm, ...], shelved: tuple[Alarm, ...], *, resort: bool = True
    ) -> None:
        """Shows what the desk says. Without `resort` rows keep their place, and new ones wait."""
        if self._current_now and not current and not shelved:
            self._quiet_since_ms = self.formats.now_ms()
        self._shelved_now, self._current_now = shelved, current
        self.tabs.set_choices(self._tab_texts())
        self._tell_answer()
        if self.tabs.value in (JOURNAL, RULES):
            return
        wanted = self._wanted()
        chosen = self.table.chosen_row()
        if resort or chosen is None or self.detail.alarm is None:
            self._held = ()
            self._show_list(wanted)
        else:
            by_key = {key_of(a): a for a in wanted}
            shown = {key_of(a) for a in self._shown_rows}
            self._held = tuple(a for a in wanted if key_of(a) not in shown)
            self._show_list(
                tuple(by_key[key_of(a)] for a in self._shown_rows if key_of(a) in by_key)
            )
        self._tell_new()
        self._follow_chosen()

    def _wanted(self) -> tuple[Alarm, ...]:
        if self.tabs.value == SHELVED:
            return self._shelved_now
        if self.tabs.value == WAITING:
            return tuple(a for a in self._current_now if a.needs_acknowledgement)
        return self._current_now

    def _show_list(self, rows: tuple[Alarm, ...]) -> None:
        self._shown_rows = rows
        if rows:
            self.list_panel.show_body()
        self.table.show_rows(self._rows(rows))
        if not rows:
            self.list_panel.show_empty(self._why_empty(), icon="bell-check-outline")
            self.detail.show_nothing("Nothing is chosen.")

    def _rows(self, alarms: tuple[Alarm, ...]) -> list[AlarmRow]:
        formats, now_ms = self.formats, self.formats.now_ms()
        return [AlarmRow(a, formats.duration(words.lasted_s(a, now_ms))) for a in alarms]

    def _why_empty(self) -> str:
        if self.tabs.value == SHELVED:
            return "No alarm is shelved."
        if self.tabs.value == WAITING and self._current_now:
            return "All alarms are acknowledged."
        if self._quiet_since_ms is None:
            return f"No alarm in the last {JOURNAL_DAYS} days."
        return f"No alarms since {self.formats.moment(self._quiet_since_ms)}."

    def _follow_chosen(self) -> None:
        row = self.table.chosen_row()
        if row is not None:
            self._on_chosen(row)
        elif self._shown_rows:
            self.table.choose(key_of(self._shown_rows[0]))

    def _tell_new(self) -> None:
        count = len(self._held)
        self.new_button.setVisible(bool(count))
        if not count:
            return
        urgent = sum(int(a.rule.priority) == 1 for a in self._held)
        extra = (
            ""
            if not urgent
            else ", one of priority 1"
            if urgent == 1
            else (f", {urgent} of priority 1")
        )
        self.new_button.setText(f"Show {count} new{extra}")

    def _take_new(self) -> None:
        self._refresh(resort=True)
        self.table.setFocus()

    def _tell_answer(self) -> None:
        if self._current_now:
            self.set_answer(words.situation(self._current_now))
        elif self._shelved_now:
            self.set_answer(f"No alarm stands; {len(self._shelved_now)} shelved.")
        elif self._quiet_since_ms is not None:
            self.set_answer(f"No alarms since {self.formats.moment(self._quiet_since_ms)}.")
        else:
            self.set_answer(f"No alarm in the last {JOURNAL_DAYS} days.")

    def show_quiet(self, since_ms: int | None) -> None:
        self._quiet_since_ms = since_ms
        self._tell_answer()
        if not self._shown_rows and self.tabs.value not in (JOURNAL, RULES):
            self._show_list(self._wanted())

    def _tab_texts(self) -> list[tuple[str, str]]:
        waiting = sum(a.needs_acknowledgement for a in self._current_now)
        return [
            (CURRENT, f"Current {len(self._current_now)}"),
            (WAITING, f"Not acknowledged {waiting}"),
            (SHELVED, f"Shelved {len(self._shelved_now)}"),
            (JOURNAL, "Journal"),
            (RULES, "Rules"),
        ]

    def _on_tab(self, tab: str) -> None:
        self.side.setCurrentWidget(self.form if tab == RULES else self.detail)
        lists: dict[str, QWidget] = {JOURNAL: self.journal_table, RULES: self.rules_table}
        self.lists.setCurrentWidget(lists.get(tab, self.table))
        self.new_button.hide()
        self.list_panel.show_body()
        if tab == RULES:
            if self.rules_table.chosen_row() is None and self.rules_table.rows_model.rows:
                self.rules_table.choose(self.rules_table.rows_model.key_at(0))
            return
        if tab == JOURNAL:
            self.detail.show_nothing("Choose an alarm of the journal.")
            self._load_journal()
            return
        self._shown_rows = ()
        self._refresh(resort=True)

    # -------------------------------------------------------- journal and statistics

    def _load_journal(self) -> None:
        self.load(self._alarms.journal, self.show_journal, panel=self.list_panel, key="journal")

    def show_journal(self, rows: tuple[Alarm, ...]) -> None:
        self._journal = rows
        if self.tabs.value != JOURNAL:
            return
        if not rows:
            self.list_panel.show_empty(
                f"No alarm in the last {JOURNAL_DAYS} days.", icon="bell-check-outline"
            )
        self.journal_table.show_rows(self._rows(rows))
        if rows and self.journal_table.chosen_row() is None:
            self.journal_table.choose(rows[0].alarm_id)
        elif (row := self.journal_table.chosen_row()) is not None:
            self._on_chosen(row)

    def _load_statistics(self) -> None:
        self._statistics_ms = self.formats.now_ms()
        self._statistics_old = False
        self.load(
            lambda: self._desk.statistics(),
            self.show_statistics,
            key="statistics",
            panels=self.statistics.panels,
        )

    def show_statistics(self, found: AlarmStatistics) -> None:
        self.statistics.show_statistics(found, self.formats.now_ms())

    # -------------------------------------------------------- one alarm

    def _on_chosen(self, row: object) -> None:
        if not isinstance(row, AlarmRow):
            return
        alarm = row.alarm
        self.detail.show_alarm(alarm, self.formats.now_ms())
        state = (alarm.raised_at_ms, alarm.returned_at_ms, key_of(alarm))
        if state == self._past_of:
            return
        self._past_of = state
        self.load(
            lambda: self._alarms.past(alarm),
            lambda past: self.show_past(alarm, past),
            key="past",
            on_error=lambda error: self.detail.tell(error.what),
        )

    def show_past(self, alarm: Alarm, past: AlarmPast) -> None:
        if self.detail.alarm is not None and key_of(self.detail.alarm) == key_of(alarm):
            self.detail.show_past(past)

    def _follow_item(self, subject: Subject) -> None:
        """Another page or the search named an alarm."""
        wanted = next((a for a in self._desk.current() if str(a.alarm_id) == subject.item_id), None)
        if wanted is None:
            return
        if self.tabs.value not in (CURRENT, WAITING):
            self.tabs.set_value(CURRENT)
            self._on_tab(CURRENT)
        self._refresh(resort=True)
        self.table.choose(key_of(wanted))

    def _open_readings(self, row: object) -> None:
        """Enter or a double click: the readings of that meter in History."""
        if isinstance(row, AlarmRow):
            alarm = row.alarm
            self.navigation.choose(
                meter_id=alarm.meter_id,
                period_ms=(
                    alarm.raised_at_ms - 3_600_000,
                    (alarm.returned_at_ms or alarm.raised_at_ms) + 3_600_000,
                ),
            )
            self.navigation.go("history", meter_id=alarm.meter_id)

    # -------------------------------------------------------- commands

    def _acknowledge(self, who: str, note: str) -> None:
        alarm = self.detail.alarm
        if alarm is not None:
            self._do(lambda: self._desk.acknowledge(alarm.alarm_id, who, note))

    def _shelve(self, length_ms: int, who: str, reason: str) -> None:
        alarm = self.detail.alarm
        if alarm is not None:
            until_ms = self.formats.now_ms() + length_ms
            self._do(lambda: self._desk.shelve(alarm.alarm_id, until_ms, who, reason))

    def _unshelve(self, who: str) -> None:
        alarm = self.detail.alarm
        if alarm is not None:
            self._do(lambda: self._desk.unshelve(alarm.alarm_id, who))

    def _do(self, command: Callable[[], Alarm]) -> None:
        self.load(command, self._done, key="command", on_error=lambda error: self._not_done(error))

    def _done(self, alarm: Alarm) -> None:
        """The list is sorted anew, and the next one that waits is chosen."""
        self.detail.note.clear()
        self.detail.reason.clear()
        if self.tabs.value == JOURNAL:
            self._load_journal()
            return
        self._refresh(resort=True)
        first = next((a for a in self._shown_rows if a.needs_acknowledgement), None)
        if alarm.state is AlarmState.NORMAL or alarm.shelved_until_ms or first is None:
            first = first or (self._shown_rows[0] if self._shown_rows else None)
        if first is not None:
            self.table.choose(key_of(first))

    def _not_done(self, error: UserFacingError) -> None:
        self._refresh(resort=False)
        self.detail.tell(f"{error.what} {error.remedy}".strip())

    # -------------------------------------------------------- rules

    def _read_rules(self) -> tuple[tuple[AlarmRule, ...], dict[str, str]]:
        return self._rules.rules(), self._rules.meter_names()

    def show_rules(self, found: tuple[tuple[AlarmRule, ...], dict[str, str]]) -> None:
        rules, names = found
        self._meter_names.clear()
        self._meter_names.update(names)
        self.rules_table.show_rows(rules, empty="No rule yet: add [[alarms]] to the site file.")

    def _on_rule_chosen(self, row: object) -> None:
        if isinstance(row, AlarmRule):
            self.form.show_rule(row)
        else:
            self.form.show_nothing()

    def _save_rule(self, rule: AlarmRule) -> None:
        self.load(
            lambda: self._rules.save(rule),
            self._rule_saved,
            key="save rule",
            on_error=self._on_rule_error,
        )

    def _rule_saved(self, rule: AlarmRule) -> None:
        self.load(self._read_rules, self.show_rules, key="rules", on_error=self._on_rule_error)
        self.form.show_rule(rule)
        self.form.tell("Saved; watched by this rule from now on.")

    def _on_rule_error(self, error: UserFacingError) -> None:
        self.form.tell(f"{error.what} {error.remedy}".strip())


def _user_name() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError):
        return ""


def _ask_csv(parent: QWidget, name: str) -> str:
    path, _ = QFileDialog.getSaveFileName(parent, "Export the journal", name, "CSV (*.csv)")
    return path
