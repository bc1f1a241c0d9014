"""The alarms page on a real desk: what moves, what waits, what a key does."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from PySide6.QtCore import Qt

from energy_desktop.domain.alarm import Alarm, AlarmState, Priority
from energy_desktop.domain.energy import Buckets
from energy_desktop.services.alarm_desk import AlarmDesk
from energy_desktop.services.alarm_rules import AlarmRuleService
from energy_desktop.services.alarms import AlarmPast, AlarmService
from energy_desktop.ui.views import alarm_words
from energy_desktop.ui.views.alarms_view import AlarmsView, key_of
from tests.gui.fakes import NOW
from tests.unit.alarms.desks import LAYOUT, MemoryStore, a_meter, a_rule
from tests.unit.alarms.test_rules_and_journal import MemoryConfiguration, NoHistory

CALM = (230.0, 231.0, 229.0, 399.0, 4_000.0, 0.97, 50.0, 1_000.0)


class Site:
    """A desk, its store and a clock; `raise_on` lets a meter's voltage go too high."""

    def __init__(self, context):
        self.now = NOW
        context.formats.clock = self.clock
        self.meters = [a_meter(meter_id=m, name=f"Meter {m}") for m in ("a", "b", "c")]
        self.rules = MemoryConfiguration(
            a_rule(), a_rule(rule_id="top", name="Far too high", limit=260.0,
                             priority=Priority.HIGH)
        )  # fmt: skip
        self.store = MemoryStore()
        self.desk = AlarmDesk(
            self.rules.configuration.alarm_rules, self.meters, self.store, self.clock
        )
        self.service = AlarmService(self.store, NoHistory("voltage_l1_v"), self.clock)

        def follow(configuration):
            self.desk.configure(configuration.alarm_rules, self.meters)

        self.rule_service = AlarmRuleService(self.rules, follow)

    def clock(self):
        return self.now

    def read(self, meter_id, volts):
        from energy_desktop.domain.snapshot import Snapshot

        self.now += timedelta(seconds=1)
        at = round(self.now.timestamp() * 1000)
        self.desk.check(Snapshot(meter_id, at, LAYOUT, (volts, *CALM[1:])))
        self.desk.drain()


@pytest.fixture
def site(context):
    return Site(context)


@pytest.fixture
def view(qtbot, context, site):
    made = AlarmsView(
        context, site.desk, site.service, site.rule_service, who="Kim", ask_file=lambda *_: ""
    )
    qtbot.addWidget(made)
    made.resize(1166, 640)
    made.show()
    return made


def settle(qtbot, context):
    qtbot.waitUntil(lambda: not context.jobs.running(), timeout=5_000)


def shown(view):
    return [row.alarm.meter_id for row in view.table.rows_model.rows]


def test_a_calm_site_says_so_and_shows_no_empty_table(qtbot, context, view):
    view.shown()
    settle(qtbot, context)

    assert view.answer == "No alarm in the last 30 days."
    assert view.list_panel.state == "empty"


def test_when_the_last_alarm_goes_the_page_says_since_when_it_is_quiet(qtbot, context, site, view):
    site.read("a", 255.0)
    view.shown()
    settle(qtbot, context)
    site.desk.acknowledge(site.desk.current()[0].alarm_id, "Kim")

    site.read("a", 230.0)
    view._on_heartbeat()

    assert view.answer == "No alarms since 14:37:14."
    assert view.list_panel.state == "empty"
    settle(qtbot, context)


def test_how_long_it_lasts_grows_while_it_is_shown(qtbot, context, site, view):
    site.read("a", 255.0)
    view.shown()
    settle(qtbot, context)
    chosen = view.table.currentIndex().row()

    site.now += timedelta(minutes=4)
    view._on_heartbeat()

    assert view.table.rows_model.cell(0, 2).text == "4 min"
    assert view.table.currentIndex().row() == chosen
    settle(qtbot, context)


def test_new_alarms_wait_above_and_never_move_the_chosen_row(qtbot, context, site, view):
    site.read("b", 255.0)
    view.shown()
    settle(qtbot, context)
    assert view.table.chosen_row().alarm.meter_id == "b"

    site.read("a", 265.0)  # two rules go off, one of them urgent
    view._on_heartbeat()

    assert shown(view) == ["b"]
    assert view.table.chosen_row().alarm.meter_id == "b"
    assert view.new_button.isVisible()
    assert view.new_button.text() == "Show 2 new, one of priority 1"

    view.new_button.click()

    assert shown(view) == ["a", "a", "b"]
    assert view.table.chosen_row().alarm.meter_id == "b"
    assert not view.new_button.isVisible()
    settle(qtbot, context)


def test_a_acknowledges_with_name_and_note_and_goes_to_the_next(qtbot, context, site, view):
    site.read("a", 255.0)
    site.read("b", 255.0)
    view.shown()
    settle(qtbot, context)
    first = view.table.chosen_row().alarm
    view.detail.note.setText("on my way")
    view.table.setFocus()

    qtbot.keyClick(view.table, Qt.Key.Key_A)
    settle(qtbot, context)

    done = next(a for a in site.desk.current() if key_of(a) == key_of(first))
    assert (done.acknowledged_by, done.acknowledge_note) == ("Kim", "on my way")
    assert view.table.chosen_row().alarm.needs_acknowledgement
    assert view.detail.note.text() == ""
    assert view.answer == "2 active, of these 1 not acknowledged."


def test_without_a_name_nothing_is_acknowledged(qtbot, context, site, view):
    site.read("a", 255.0)
    view.shown()
    settle(qtbot, context)
    view.detail.who.setText(" ")

    view.detail.ask_acknowledge()

    assert site.desk.current()[0].needs_acknowledgement


def test_s_asks_for_a_reason_and_then_shelves_until_an_end(qtbot, context, site, view):
    site.read("a", 255.0)
    view.shown()
    settle(qtbot, context)
    view.table.setFocus()

    qtbot.keyClick(view.table, Qt.Key.Key_S)
    assert site.desk.shelved() == ()
    view.detail.reason.setText("fuse is ordered")
    view.detail.ask_shelve()
    settle(qtbot, context)

    (alarm,) = site.desk.shelved()
    assert alarm.shelve_reason == "fuse is ordered"
    assert alarm.shelved_until_ms == context.formats.now_ms() + 8 * 3_600_000
    assert dict(view.tabs._choices)["shelved"] == "Shelved 1"


def test_what_is_shelved_can_be_taken_back(qtbot, context, site, view):
    site.read("a", 255.0)
    alarm = site.desk.current()[0]
    site.desk.shelve(alarm.alarm_id, context.formats.now_ms() + 60_000, "Kim", "why")
    view.shown()
    view.tabs._choose("shelved")

    view.detail.unshelve_button.click()
    settle(qtbot, context)

    assert len(site.desk.current()) == 1


def test_the_longest_shelf_is_one_that_the_desk_takes(qtbot, context, site, view):
    site.read("a", 255.0)
    view.shown()
    settle(qtbot, context)
    view.detail.end.setCurrentIndex(view.detail.end.count() - 1)
    view.detail.reason.setText("works")

    view.detail.ask_shelve()
    settle(qtbot, context)

    assert len(site.desk.shelved()) == 1


def test_the_journal_shows_what_is_over(qtbot, context, site, view):
    site.read("a", 255.0)
    site.desk.acknowledge(site.desk.current()[0].alarm_id, "Kim")
    site.read("a", 230.0)
    view.shown()

    view.tabs._choose("journal")
    settle(qtbot, context)

    (row,) = view.journal_table.rows_model.rows
    assert row.alarm.state is AlarmState.NORMAL
    assert not view.detail.acknowledge_button.isEnabled()


def test_a_limit_changed_in_the_form_is_watched_at_once(qtbot, context, site, view):
    view.shown()
    settle(qtbot, context)
    view.tabs._choose("rules")
    view.rules_table.choose("high")
    assert not view.form.save_button.isEnabled()

    view.form.limit.setValue(240.0)
    view.form.save_button.click()
    settle(qtbot, context)
    site.read("c", 245.0)

    assert site.rules.configuration.alarm_rules[0].limit == 240.0
    assert [a.meter_id for a in site.desk.current()] == ["c"]


def test_a_rule_that_was_only_looked_at_is_not_changed(qtbot, context, site, view):
    odd = a_rule(limit=253.123456, deadband=1.98765)
    view.form.show_rule(odd)

    assert view.form.edited() == odd
    assert not view.form.changed


def test_a_refused_rule_says_why_and_keeps_the_entry(qtbot, context, site, view):
    view.shown()
    settle(qtbot, context)
    view.tabs._choose("rules")
    view.rules_table.choose("high")

    view.form.response.setPlainText("")
    view.form.save_button.click()
    settle(qtbot, context)

    assert "response" in view.form._message.text()
    assert site.rules.writes == 0


def test_an_alarm_named_by_the_search_is_chosen(qtbot, context, site, view):
    site.read("a", 255.0)
    site.read("b", 255.0)
    wanted = next(a for a in site.desk.current() if a.meter_id == "a")
    context.navigation.choose(item_id=str(wanted.alarm_id))

    view.shown()
    settle(qtbot, context)

    assert view.detail.alarm.meter_id == "a"


@pytest.mark.parametrize("name", ["light", "dark"])
def test_a_returned_alarm_is_hollow_and_read_out_in_words(name, themed, qtbot, context, site, view):
    themed(name)
    site.read("a", 255.0)
    site.read("a", 230.0)
    view.shown()
    settle(qtbot, context)

    cell = view.table.rows_model.cell(0, 0)

    assert cell.mark.hollow
    assert cell.plain.startswith("Priority 2, returned, not acknowledged, Voltage high")
    view.grab()


def test_the_curve_carries_the_limit_and_a_sentence(qtbot, context, site, view):
    site.read("a", 255.0)
    view.shown()
    settle(qtbot, context)
    alarm = view.detail.alarm
    times = alarm.raised_at_ms + np.arange(-600, 10, dtype=np.int64) * 1000
    volts = np.where(times >= alarm.raised_at_ms, 255.0, 231.0)
    n = np.ones(len(times), dtype=np.int64)
    curve = Buckets("a", "voltage_l1_v", times, times + 1000, n, *([volts] * 5))

    view.show_past(alarm, AlarmPast(int(times[0]), int(times[-1]), (curve,), 0, None))

    data = view.detail.chart.data
    assert [limit.y for limit in data.limits] == [253.0]
    assert "255.0\u00a0V, limit 253.0\u00a0V" in data.description


def test_the_curve_is_never_drawn_across_the_time_in_which_nothing_was_read(
    qtbot, context, site, view
):
    site.read("a", 255.0)
    view.shown()
    settle(qtbot, context)
    alarm = view.detail.alarm
    seconds = np.concatenate((np.arange(-600, -300), np.arange(-60, 10)))
    times = alarm.raised_at_ms + seconds.astype(np.int64) * 1000
    volts = np.full(len(times), 231.0)
    n = np.ones(len(times), dtype=np.int64)
    curve = Buckets("a", "voltage_l1_v", times, times + 1000, n, *([volts] * 5))

    view.show_past(alarm, AlarmPast(int(times[0]), int(times[-1]), (curve,), 0, None))

    data = view.detail.chart.data
    assert np.isnan(data.lines[0].y).sum() == 1
    ((start, end),) = [(r.start, r.end) for r in data.regions if r.kind == "gap"]
    assert end - start == pytest.approx(241.0)


def test_a_meter_name_is_text_and_never_markup(qtbot, context, view):
    alarm = Alarm(1, a_rule(), "x", "<b>Boiler</b>", AlarmState.ACTIVE_UNACKNOWLEDGED, 0, 255.0)

    view.show_alarms((alarm,), ())

    assert "<b>Boiler</b>" in view.table.rows_model.cell(0, 0).plain


def test_words_for_silence_and_for_a_value():
    from energy_desktop.domain.alarm import Condition
    from energy_desktop.ui.formatting import Formats

    formats = Formats("UTC", clock=lambda: datetime(2026, 1, 1, tzinfo=UTC))
    silent = a_rule(condition=Condition.NO_DATA, quantity="*", limit=30.0)
    alarm = Alarm(1, silent, "m", "M", AlarmState.ACTIVE_UNACKNOWLEDGED, 0, 92.0)

    assert alarm_words.against_limit(formats, alarm) == "no answer for 1 min 32 s, limit 30 s"
    assert alarm_words.limit_text(formats, a_rule()) == "above 253.0\u00a0V"
    assert alarm_words.situation((alarm, replace(alarm, state=AlarmState.RETURNED_UNACKNOWLEDGED)))
