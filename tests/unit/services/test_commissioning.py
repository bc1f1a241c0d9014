"""The desk on a fake wire: a scan asks once, gently, and stops when told."""

from datetime import UTC, datetime

import pytest

from energy_desktop.acquisition.decode import encode
from energy_desktop.acquisition.driver_profile import DriverProfile, Register
from energy_desktop.acquisition.meter_clock import ClockRegister
from energy_desktop.domain.bus import BusStatistics
from energy_desktop.domain.commissioning import (
    DeviceIdentity,
    FaultKind,
    RawRegisters,
    ScanPlan,
    Verdict,
)
from energy_desktop.domain.configuration import Configuration
from energy_desktop.domain.errors import (
    JobCancelled,
    MeterAnswerWrong,
    MeterRefused,
    MeterUnreachable,
    NotFound,
    WrongUse,
)
from energy_desktop.domain.site import Link, LinkKind, Meter, Role, Site
from energy_desktop.domain.snapshot import LinkState, MeterStatus
from energy_desktop.services.commissioning import CommissioningService

LINE = Link("line", LinkKind.MODBUS_RTU, device="COM4")
REGISTERS = (
    Register("voltage_v", 0),
    Register("current_a", 6),
    Register("power_w", 12),
    Register("frequency_hz", 70),
)
SHOWS = {0: 230.4, 6: 10.0, 12: 2200.0, 70: 50.0}


class Profiles:
    profile = DriverProfile("sdm", REGISTERS, "Maker", ("SDM",))

    def get(self, driver_id):
        if driver_id != "sdm":
            raise NotFound(where=driver_id, what="no driver.", remedy="Choose another.")
        return self.profile

    def all(self):
        return (self.profile,)


class Bus:
    """Units that answer; everything asked is written down."""

    def __init__(self, *units, refuses=(), order="ABCD", closed=()):
        self.units, self.refuses, self.order, self.closed = units, refuses, order, closed
        self.asked = []
        self.in_flight = 0
        self.shared = ""

    def read_registers(self, link, unit_id, function, address, count, *, timeout_s=5.0):
        assert self.in_flight == 0
        self.asked.append((link.address, unit_id, function, address, count))
        if link.address in self.closed:
            raise MeterUnreachable(where=link.address, what="no connection: no.", remedy="Look.")
        if unit_id in self.refuses:
            raise MeterRefused(
                where="x", what="the meter has no such registers (exception 2).", remedy="Look."
            )
        if unit_id not in self.units:
            raise MeterUnreachable(where="x", what="no answer within 0.3 s.", remedy="Look.")
        words = [0] * 200
        for at, value in SHOWS.items():
            register = Register("voltage_v", at, word_order=self.order)
            words[at : at + 2] = encode(register, value)
        return RawRegisters(unit_id, function, address, tuple(words[address : address + count]), 4)

    def identify(self, link, unit_id, *, timeout_s=5.0):
        return DeviceIdentity("Maker", "SDM") if unit_id == 7 else None

    def frames(self, link_id, after=0):
        return ()

    def bus_statistics(self):
        return (BusStatistics("line", 1.0, 1.0, (), (), self.shared),)


class Store:
    def __init__(self, *meters):
        self.configuration = Configuration(site=Site("S", "UTC"), links=(LINE,), meters=meters)

    def load(self):
        return self.configuration


def a_desk(bus, *meters, paused=None, render=lambda record: b"%PDF", profiles=None):
    pauses = [] if paused is None else paused
    return CommissioningService(
        Store(*meters),
        profiles or Profiles(),
        bus,
        lambda: datetime(2026, 3, 1, tzinfo=UTC),
        render,
        who="M. Kowalczyk",
        pause=pauses.append,
    )


def test_a_scan_asks_each_unit_once_and_tells_who_answers_and_what_fits():
    bus, told = Bus(3, 7), []
    hits = a_desk(bus).scan(ScanPlan((LINE,), tuple(range(1, 11))), on_hit=told.append)

    assert [hit.unit_id for hit in hits] == [3, 7]
    assert tuple(told) == hits
    assert hits[1].identity == DeviceIdentity("Maker", "SDM")
    assert hits[0].fits[0].driver_id == "sdm"
    silent = [unit for _, unit, *_ in bus.asked if unit not in (3, 7)]
    assert silent == [1, 2, 4, 5, 6, 8, 9, 10]
    assert {function for _, _, function, *_ in bus.asked} == {4}  # nothing but reads


@pytest.mark.parametrize("order", ["CDAB", "BADC", "DCBA"])
def test_a_scan_finds_the_driver_of_a_device_that_turns_its_words_and_says_the_order(order):
    straight, turned = Bus(3), Bus(3, order=order)

    (plain,) = a_desk(straight).scan(ScanPlan((LINE,), (3,)))
    (hit,) = a_desk(turned).scan(ScanPlan((LINE,), (3,)))

    assert (plain.fits[0].driver_id, plain.fits[0].word_order) == ("sdm", "")
    assert (hit.fits[0].driver_id, hit.fits[0].word_order) == ("sdm", order)
    assert order in hit.fits[0].reasons[0]
    assert turned.asked == straight.asked  # the same answers, read otherwise


class Three(Profiles):
    """Drivers with the same registers; the device calls itself by the last of their names."""

    names = ("abb_b23", "carlo_em24", "eastron_sdm630")

    def all(self):
        return tuple(DriverProfile(n, REGISTERS, "Maker", (n[-6:],)) for n in self.names)


class Faltering(Bus):
    """Fails `times` of the reads that follow the first `after` of them."""

    def __init__(self, *units, after, times, error=MeterUnreachable):
        super().__init__(*units)
        self.spoilt, self.error = range(after + 1, after + 1 + times), error

    def read_registers(self, link, unit_id, function, address, count, *, timeout_s=5.0):
        answer = super().read_registers(link, unit_id, function, address, count)
        if len(self.asked) in self.spoilt:
            raise self.error(where="x", what="no answer within 0.3 s.", remedy="Look.")
        return answer

    def identify(self, link, unit_id, *, timeout_s=5.0):
        return DeviceIdentity("Maker", "SDM630")


@pytest.mark.parametrize("error", [MeterUnreachable, MeterAnswerWrong])
@pytest.mark.parametrize("after", range(1, 5))
def test_an_answer_that_is_lost_while_drivers_are_tried_changes_nothing(after, error):
    (whole,) = a_desk(Faltering(7, after=0, times=0)).scan(ScanPlan((LINE,), (7,)))
    (hit,) = a_desk(Faltering(7, after=after, times=1, error=error)).scan(ScanPlan((LINE,), (7,)))

    assert hit.fits == whole.fits


@pytest.mark.parametrize("after", range(1, 4))
def test_of_a_device_that_falls_silent_the_driver_it_names_itself_is_first_and_says_so(after):
    desk = a_desk(Faltering(7, after=after, times=100), profiles=Three())

    (hit,) = desk.scan(ScanPlan((LINE,), (7,)))

    assert hit.fits[0].driver_id == "eastron_sdm630"
    assert "answer" in hit.fits[0].reasons[-1]


def test_a_unit_that_answers_with_an_exception_is_found():
    hits = a_desk(Bus(refuses=(5,))).scan(ScanPlan((LINE,), (4, 5, 6)))

    assert [(hit.unit_id, hit.fits) for hit in hits] == [(5, ())]
    assert "exception 2" in hits[0].answer


def test_the_late_answer_of_another_unit_is_no_find():
    class Late(Bus):
        def read_registers(self, link, unit_id, *arguments, **named):
            self.asked.append((link.address, unit_id, 4, 0, 2))
            raise MeterAnswerWrong(
                where="x", what=f"unit {unit_id - 1} answered instead of {unit_id}.", remedy="Look."
            )

    bus = Late()

    assert a_desk(bus).scan(ScanPlan((LINE,), (8,))) == ()
    assert len(bus.asked) == 2  # once more, and no oftener


def test_a_scan_pauses_after_each_probe_and_says_how_much_is_left():
    paused, said = [], []
    plan = ScanPlan((LINE,), (1, 2, 3, 4), timeout_s=0.3, pause_s=0.2)

    a_desk(Bus(), paused=paused).scan(plan, lambda fraction, doing: said.append((fraction, doing)))

    assert paused == [0.2] * 4
    assert [fraction for fraction, _ in said] == [0.0, 0.25, 0.5, 0.75, 1.0]
    assert said[0][1] == "COM4 9600 8N1, unit 1: 0 found, about 2 s left"


def test_a_scan_stops_between_two_probes_when_it_is_cancelled():
    bus = Bus(1)

    def cancel(fraction, doing):
        if fraction >= 0.5:
            raise JobCancelled(where="Scan", what="stopped.", remedy="")

    with pytest.raises(JobCancelled):
        a_desk(bus).scan(ScanPlan((LINE,), (8, 9, 10, 11)), cancel)
    assert [unit for _, unit, *_ in bus.asked] == [8, 9]


def test_an_address_that_cannot_be_opened_is_left_after_one_probe():
    closed = Link("a", LinkKind.MODBUS_TCP, host="10.0.0.1")
    there = Link("b", LinkKind.MODBUS_TCP, host="10.0.0.2")
    bus = Bus(1, closed=("10.0.0.1:502",))

    hits = a_desk(bus).scan(ScanPlan((closed, there), (1, 2, 3)))

    assert [hit.link for hit in hits] == [there]
    assert sum(address == "10.0.0.1:502" for address, *_ in bus.asked) == 1
    with pytest.raises(MeterUnreachable):
        a_desk(bus).scan(ScanPlan((closed,), (1, 2, 3)))


@pytest.mark.parametrize(
    "plan",
    [
        ScanPlan((), (1,)),
        ScanPlan((LINE,), ()),
        ScanPlan((LINE,), (248,)),
        ScanPlan((Link("p1", LinkKind.P1, device="COM9"),), (1,)),
    ],
)
def test_a_plan_that_is_none_is_refused(plan):
    with pytest.raises(WrongUse):
        a_desk(Bus()).scan(plan)


def test_a_scan_warns_of_a_second_master():
    bus = Bus()
    bus.shared = "answers nobody asked for."

    assert "answers nobody asked for" in a_desk(bus).warning(LINE)
    said = []
    a_desk(bus).scan(ScanPlan((LINE,), (1,)), lambda fraction, doing: said.append(doing))
    assert "Another master" in said[-1]


def test_a_range_is_read_and_its_order_named():
    found = a_desk(Bus(3, order="CDAB")).inspect(LINE, 3, 4, 0, 14)

    assert (found.best_order, found.best_format) == ("CDAB", "float32")
    row = found.rows[0]
    line = a_desk(Bus(3)).driver_line(row, row.reading("float32", "CDAB"), "voltage_v")
    assert line.startswith("voltage_v = { address = 0x0000, function = 4")


@pytest.mark.parametrize(("function", "address", "count"), [(6, 0, 1), (4, 0, 126), (3, 65535, 2)])
def test_a_range_that_cannot_be_is_refused_before_the_wire(function, address, count):
    bus = Bus(3)

    with pytest.raises(WrongUse):
        a_desk(bus).inspect(LINE, 3, function, address, count)
    assert bus.asked == []


def test_a_line_for_a_scaled_whole_number_carries_its_scale():
    desk = a_desk(Bus(3))
    row = desk.inspect(LINE, 3, 4, 0, 2).rows[0]
    scaled = next(iter(row.readings)).__class__("uint16", "ABCD", 2304.0, "2,304", "Voltage × 10")

    assert "scale = 0.1" in desk.driver_line(row, scaled, "voltage_v")


def test_a_meter_is_checked_in_words_and_a_silent_one_is_dead():
    meter = Meter("m", "Oven", "sdm", "line", 3)
    good = a_desk(Bus(3), meter).check_meter("m", polls=3)
    dead = a_desk(Bus(), meter).check_meter("m", polls=3)

    assert {j.verdict for j in good} <= {Verdict.GOOD, Verdict.UNSURE}
    assert [(j.fault, j.verdict) for j in dead] == [(FaultKind.DEAD, Verdict.FAULT)]
    assert "unit 3" in dead[0].title


def test_a_meter_that_sends_its_words_the_other_way_round_is_named():
    found = a_desk(Bus(3, order="CDAB"), Meter("m", "Oven", "sdm", "line", 3)).check_meter("m")

    assert [j.fault for j in found if j.verdict is Verdict.FAULT] == [FaultKind.WORD_ORDER]


def test_only_a_role_that_somebody_set_makes_a_direction_wrong():
    meter = Meter("m", "Oven", "sdm", "line", 3, role=Role.LOAD, invert=True)
    desk = a_desk(Bus(3), meter)

    named = [j.fault for j in desk.check_meter("m", polls=2) if j.verdict is Verdict.FAULT]
    free = desk.check(meter, LINE, polls=2, role_known=False).judgements

    assert named == [FaultKind.REVERSED_CT]
    assert not [j for j in free if j.verdict is Verdict.FAULT]


def test_unknown_meters_and_those_without_a_link_are_refused():
    with pytest.raises(NotFound, match="It has: m"):
        a_desk(Bus(), Meter("m", "M")).check_meter("x")
    with pytest.raises(WrongUse):
        a_desk(Bus(), Meter("m", "M")).check_meter("m")


def test_without_an_engine_the_wire_is_refused_in_words():
    desk = a_desk(None)

    with pytest.raises(WrongUse, match="No engine runs"):
        desk.inspect(LINE, 1, 4, 0, 2)
    assert desk.frames("line") == ()


def test_the_record_holds_what_was_read_who_looked_and_when():
    records = []
    desk = a_desk(Bus(7), Meter("m", "Oven", "sdm", "line", 7), render=records.append)

    desk.record("m")

    (record,) = records
    assert record.made_by == "M. Kowalczyk"
    assert record.identity == DeviceIdentity("Maker", "SDM")
    assert record.registers[0].value == pytest.approx(230.4, abs=0.01)
    assert record.made_at_ms == 1_772_323_200_000
    assert record.faults == ()


class Clocked(Profiles):
    profile = DriverProfile("sdm", REGISTERS, clock=ClockRegister(500, 3, "unix32"))


class ClockedBus(Bus):
    """A meter whose clock is `ahead_s` before ours."""

    def __init__(self, *units, ahead_s=0):
        super().__init__(*units)
        self.ahead_s = ahead_s

    def read_registers(self, link, unit_id, function, address, count, *, timeout_s=5.0):
        if address != 500:
            return super().read_registers(link, unit_id, function, address, count)
        shown = round(datetime(2026, 3, 1, tzinfo=UTC).timestamp()) + self.ahead_s
        return RawRegisters(unit_id, function, address, (shown >> 16, shown & 0xFFFF), 4)


def clock_lines(bus, profiles, statuses=dict):
    desk = CommissioningService(
        Store(Meter("m", "Oven", "sdm", "line", 7)),
        profiles,
        bus,
        lambda: datetime(2026, 3, 1, tzinfo=UTC),
        lambda _: b"",
        pause=lambda _: None,
        statuses=statuses,
    )
    return [j for j in desk.check_meter("m") if "clock" in j.title]


@pytest.mark.parametrize(
    ("ahead_s", "verdict", "title"),
    [
        (20, Verdict.GOOD, "Its own clock is right"),
        (-90, Verdict.FAULT, "Its own clock is 1 min 30 s behind"),
        (3_600, Verdict.FAULT, "Its own clock is 1 h ahead"),
    ],
)
def test_a_check_tells_whether_the_clock_of_the_meter_is_right(ahead_s, verdict, title):
    (line,) = clock_lines(ClockedBus(7, ahead_s=ahead_s), Clocked())

    assert (line.verdict, line.title) == (verdict, title)
    assert (line.fault is FaultKind.CLOCK) == (verdict is Verdict.FAULT)
    assert ("summer time" in line.remedy) == (ahead_s == 3_600)


def test_a_check_believes_what_the_poller_saw_of_the_clock():
    status = MeterStatus("m", LinkState.GOOD, clock_ahead_s=-7_200.0)

    (line,) = clock_lines(Bus(7), Profiles(), lambda: {"m": status})

    assert line.title == "Its own clock is 2 h behind"


def test_a_check_says_nothing_of_a_clock_that_a_meter_does_not_tell():
    assert clock_lines(Bus(7), Profiles()) == []
