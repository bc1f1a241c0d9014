"""The loads page: which pauses pay, what may be switched, and what a command does."""

import pytest

from energy_desktop.domain.device import Device, DeviceKind
from energy_desktop.domain.errors import MeterUnreachable, NotEnoughData
from energy_desktop.domain.plan import PlanSlot, ShedAction, ShedPlan
from energy_desktop.domain.site import Link, LinkKind, Meter
from energy_desktop.services.loads import Command, CommandResult, DeviceRow, LoadsOutlook
from energy_desktop.ui.views import loads_words as words
from energy_desktop.ui.views.loads_view import LoadsView

HOUR = 3_600_000
NOW = 1_760_445_432_000
START = NOW - NOW % HOUR
LINK = Link("tcp", LinkKind.MODBUS_TCP, host="127.0.0.1", port=15020)


def a_row(device_id="ev", name="EV charger", register=204, power_w=11_000.0, order=1, why_not=""):
    device = Device(
        device_id, name, DeviceKind.EV_CHARGER, device_id, 11_000.0, order, 240, register, 247
    )
    return DeviceRow(device, f"{name} meter", "Yard", power_w, not why_not, why_not, LINK)


WATCHED = a_row(
    "oven", "Oven", None, None, None, "It has no control register, so it is only watched."
)


def an_action(device_id="ev", start=2, hours=1, saving=2.0):
    first = START + start * HOUR
    return ShedAction(
        device_id, device_id.upper(), first, first + hours * HOUR, 11_000.0, saving, "Dear hour."
    )


def an_outlook(*actions):
    slots = tuple(
        PlanSlot(START + i * HOUR, START + (i + 1) * HOUR, 100.0, 0.0, 0.2 + 0.1 * (i == 2), 0.05)
        for i in range(6)
    )
    plan = ShedPlan(actions, sum(a.saving for a in actions), 1.1, "EUR")
    return LoadsOutlook((a_row(), WATCHED), plan, slots, ("The dearest hour is at 14:00.",))


class FakeLoads:
    def __init__(self):
        self.asked = []
        self.fails = None
        self.held = None
        self.plan = an_outlook(an_action(), an_action("hvac", start=2, hours=2, saving=0.4))

    def outlook(self):
        if isinstance(self.plan, Exception):
            raise self.plan
        return self.plan

    def devices(self):
        return (a_row(), WATCHED)

    def command(self, device_id, command, who):
        self.asked.append((device_id, command, who))
        if self.fails is not None:
            raise self.fails
        return CommandResult(device_id, command, self.held or int(command), NOW)


class FakeSimulation:
    def __init__(self):
        self.asked = []
        self.fails = None

    def voltage_modes(self):
        return tuple(words.VOLTAGE_WORDS)

    def meters(self):
        return (Meter("ev", "EV charger meter"), Meter("oven", "<b>Oven</b>"))

    def set_voltage(self, mode):
        if self.fails is not None:
            raise self.fails
        self.asked.append(mode)
        return mode

    def set_lost(self, meter_id, lost):
        self.asked.append((meter_id, lost))
        return lost


@pytest.fixture
def loads():
    return FakeLoads()


@pytest.fixture
def view(qtbot, context, loads):
    made = LoadsView(context, loads, FakeSimulation(), who="Kim")
    qtbot.addWidget(made)
    made.resize(1178, 660)
    made.show()
    made.shown()
    qtbot.waitUntil(lambda: not context.jobs.running(), timeout=5000)
    qtbot.waitUntil(lambda: made.answer != "", timeout=5000)
    yield made
    made.hidden()


def text_of(notice):
    return notice.accessibleName()


def test_the_answer_counts_loads_and_money(view):
    assert "2 loads" in view.answer
    assert "2.40" in view.answer


def test_no_dear_hour_is_said(view):
    view.show_outlook(an_outlook())
    assert view.answer.startswith("No pause is worth making in the next 6 h")


def test_the_saving_stands_against_the_simplest_rule(view, loads):
    told = words.rival(loads.plan.plan, view.formats)
    assert "2.40" in told
    assert "1.10" in told


def test_pauses_that_overlap_are_one_region():
    regions = words.pauses((an_action(), an_action("hvac", hours=2), an_action("ev", start=5)))
    assert [r.text for r in regions] == ["2 loads", "EV"]
    assert regions[0].end - regions[0].start == 2 * 3600


def test_a_missing_price_is_a_gap_not_a_step(view):
    outlook = an_outlook()
    holed = LoadsOutlook(
        outlook.devices, outlook.plan, outlook.slots[:2] + outlook.slots[3:], outlook.notes
    )
    steps = words.price_chart(holed, NOW, view.formats).steps[0]
    assert steps.edges.size == steps.y.size + 1
    assert [bool(v != v) for v in steps.y] == [False, False, True, False, False, False]


def test_a_load_that_is_only_watched_cannot_be_commanded(view):
    view.devices.choose("oven")
    assert not any(b.isEnabled() for b in view.command_buttons.values())
    view.ask(Command.OFF)
    assert view.question is None
    view.devices.choose("ev")
    assert all(b.isEnabled() for b in view.command_buttons.values())


def test_the_question_names_register_value_unit_and_link():
    class Words:
        def power(self, _):
            return "11.0 kW"

    told = " ".join(v for _, v in words.command_facts(a_row(), Command.OFF, Words()))
    for part in ("register 204", "value 0", "unit 247", "127.0.0.1:15020", "stays as it was"):
        assert part in told


def test_leaving_the_question_commands_nothing(view, loads, qtbot):
    view.ask(Command.OFF)
    assert view.question.do_button.text() == "Switch off EV charger"
    assert view.question.leave_button.text() == "Keep it on"
    with qtbot.waitSignal(view.question.answered):
        view.question.leave_button.click()
    assert loads.asked == []


def test_a_command_shows_what_the_register_then_holds(view, loads, qtbot):
    view.ask(Command.OFF)
    view.question.do_button.click()
    qtbot.waitUntil(view.told.isVisible, timeout=5000)
    assert loads.asked == [("ev", Command.OFF, "Kim")]
    assert "register 204 reads back 0 at 14:37:12" in text_of(view.told)
    assert "EV charger: off" in view.commands.as_text()


def test_a_register_that_holds_something_else_is_no_success(view, loads, qtbot):
    loads.held = 1
    view.ask(Command.OFF)
    view.question.do_button.click()
    qtbot.waitUntil(view.refused.isVisible, timeout=5000)
    assert "reads back 1" in text_of(view.refused)
    assert "not 0" in text_of(view.refused)
    assert not view.told.isVisible()


def test_a_refused_command_says_why_and_what_to_do(view, loads, qtbot):
    loads.fails = MeterUnreachable(where="EV charger", what="No answer.", remedy="Check the cable.")
    view.ask(Command.ON)
    view.question.do_button.click()
    qtbot.waitUntil(view.refused.isVisible, timeout=5000)
    assert "No answer." in text_of(view.refused)
    assert "Check the cable." in text_of(view.refused)
    assert view.command_buttons[Command.OFF].isEnabled()


def test_without_prices_the_loads_are_still_there(view, loads, qtbot, context):
    loads.plan = NotEnoughData(where="Loads", what="No price.", remedy="Import prices.")
    view.reload()
    qtbot.waitUntil(lambda: not context.jobs.running(), timeout=5000)
    assert view.devices.isVisible()
    qtbot.waitUntil(lambda: not view.prices.isVisible(), timeout=5000)


def test_powers_are_asked_only_while_the_page_is_seen(view):
    assert view._timer.isActive()
    view.hidden()
    assert not view._timer.isActive()


def test_the_simulator_tells_what_it_reads_back_and_what_to_expect(view, qtbot):
    view.simulator.voltage_wanted.emit("high_warning")
    qtbot.waitUntil(lambda: "high, warning" in view.simulator.told.text(), timeout=5000)
    assert "within 10 s" in view.simulator.told.text()
    assert view.simulator.voltage.value == "high_warning"


def test_a_simulator_that_does_not_answer_leaves_the_level_unknown(view, qtbot):
    view._simulation.fails = MeterUnreachable(where="Simulator", what="Silent.", remedy="Start it.")
    view.simulator.voltage_wanted.emit("low_critical")
    qtbot.waitUntil(lambda: "Silent." in view.simulator.told.text(), timeout=5000)
    assert view.simulator.voltage.value == ""


def test_a_meter_that_cannot_be_lost_leaves_the_level_known(view):
    view.simulator.show_voltage("normal")
    view.simulator.show_failure(MeterUnreachable(where="S", what="Silent.", remedy="Start it."))
    assert view.simulator.voltage.value == "normal"


def test_a_chosen_meter_is_lost_and_comes_back(view, qtbot):
    view.simulator.meter.setCurrentIndex(1)
    view.simulator.lose_button.click()
    qtbot.waitUntil(lambda: "no more" in view.simulator.told.text(), timeout=5000)
    view.simulator.back_button.click()
    qtbot.waitUntil(lambda: "answers again" in view.simulator.told.text(), timeout=5000)
    assert view._simulation.asked == [("oven", True), ("oven", False)]


def test_a_real_site_has_no_simulator(qtbot, context, loads):
    made = LoadsView(context, loads)
    qtbot.addWidget(made)
    assert made.simulator is None
