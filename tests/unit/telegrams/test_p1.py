"""P1: the checksum decides, units are the telegram's own, and nothing is summed by half."""

import pytest

from energy_desktop.acquisition.telegrams import Telegram, TelegramRefused, decode_all, p1
from energy_desktop.domain.bus import BusError
from tests.support import telegrams as build


def only(data: bytes) -> Telegram | TelegramRefused:
    (outcome,) = decode_all("p1", data)
    return outcome


def values_of(*lines: str) -> dict[str, float]:
    outcome = only(build.p1(*lines))
    assert isinstance(outcome, Telegram), outcome
    return outcome.values


def test_import_and_export_become_one_signed_power():
    importing = values_of("1-0:1.7.0(00.519*kW)", "1-0:2.7.0(00.000*kW)")
    exporting = values_of("1-0:1.7.0(00.000*kW)", "1-0:2.7.0(01.250*kW)")

    assert importing["power_w"] == 519.0
    assert exporting["power_w"] == -1250.0


def test_tariffs_are_summed_only_when_all_are_there():
    both = values_of("1-0:1.8.1(000001.500*kWh)", "1-0:1.8.2(000002.250*kWh)")
    one = values_of("1-0:1.8.2(000002.250*kWh)")
    unlike = values_of(
        "1-0:1.8.1(1*kWh)",
        "1-0:1.8.2(2*kWh)",
        "1-0:2.8.1(1*kWh)",
        "1-0:2.8.2(2*kWh)",
        "1-0:2.8.3(3*kWh)",
    )

    assert both["energy_import_wh"] == 3750.0
    assert one == {"energy_import_t2_wh": 2250.0}
    assert "energy_import_wh" not in unlike
    assert unlike["energy_export_wh"] == 6000.0


def test_the_total_of_the_meter_goes_before_a_sum():
    values = values_of("1-0:1.8.0(9*kWh)", "1-0:1.8.1(1*kWh)", "1-0:1.8.2(2*kWh)")

    assert values["energy_import_wh"] == 9000.0


def test_a_value_without_unit_or_with_a_foreign_one_is_listed_but_not_taken():
    outcome = only(build.p1("1-0:1.8.0(000009)", "1-0:32.7.0(230*A)"))

    assert isinstance(outcome, Telegram)
    assert outcome.values == {}
    assert [entry.value for entry in outcome.entries] == [9.0, 230.0]
    assert len(outcome.remarks) == 2


def test_a_register_of_a_past_period_is_not_the_current_one():
    values = values_of("1-0:1.8.0*255(5*kWh)", "1-0:2.8.0*01(4*kWh)")

    assert values == {"energy_import_wh": 5000.0}


def test_gas_behind_the_meter_is_gas_and_water_is_water():
    gas = values_of("0-1:24.1.0(003)", "0-1:24.2.1(180104231507W)(00212.529*m3)")
    water = values_of("0-2:24.1.0(007)", "0-2:24.2.1(180104231507W)(00001.250*m3)")
    nameless = values_of("0-1:24.2.1(180104231507W)(00212.529*m3)", "1-0:32.7.0(230.0*V)")

    assert gas == {"gas_volume_m3": 212.529}
    assert water == {"volume_m3": 1.25}
    assert nameless == {"voltage_l1_v": 230.0}


@pytest.mark.parametrize(
    ("sent", "utc_ms"),
    [("180104231941W", 1515104381000), ("221006155014S", 1665064214000), ("180104231941", None)],
)
def test_the_meters_time_needs_its_zone(sent, utc_ms):
    outcome = only(build.p1(f"0-0:1.0.0({sent})", "1-0:32.7.0(230.0*V)"))

    assert isinstance(outcome, Telegram)
    assert outcome.time_ms == utc_ms


def test_a_flipped_bit_is_never_a_reading():
    good = build.p1("1-0:1.8.0(000123.456*kWh)", "1-0:32.7.0(230.1*V)")

    for position in range(1, good.rfind(b"!")):
        for bit in range(8):
            spoilt = bytearray(good)
            spoilt[position] ^= 1 << bit
            assert not any(isinstance(o, Telegram) for o in decode_all("p1", bytes(spoilt)))


def test_a_telegram_in_which_the_next_one_begins_is_cut():
    good = build.p1("1-0:32.7.0(230.1*V)")

    cut, whole = decode_all("p1", good[:20] + good)

    assert isinstance(cut, TelegramRefused)
    assert cut.error is BusError.SHORT_ANSWER
    assert isinstance(whole, Telegram)


def test_a_checksum_may_be_missing_only_before_version_4():
    new = only(build.p1("1-3:0.2.8(50)", "1-0:32.7.0(230.1*V)", crc=""))
    old = only(build.p1("1-0:32.7.0(230.1*V)", crc=""))

    assert isinstance(new, TelegramRefused)
    assert new.error is BusError.CHECKSUM
    assert isinstance(old, Telegram)
    assert not old.checked
    assert old.remarks == ("This telegram carries no checksum.",)


def test_without_checksum_a_line_that_cannot_be_read_spoils_all():
    outcome = only(build.p1("1-0:32.7.0(230.1*V)", "1-0:52.7.0(23", crc=""))

    assert isinstance(outcome, TelegramRefused)


def test_the_stream_may_come_in_any_pieces():
    good = build.p1("1-0:32.7.0(230.1*V)") * 3
    framer = p1.P1Framer()

    pieces = [piece for byte in good for piece in framer.feed(bytes([byte]))]

    assert [p1.decode(piece).values for piece in pieces if isinstance(piece, bytes)] == [
        {"voltage_l1_v": 230.1}
    ] * 3


def test_a_stream_that_never_ends_does_not_fill_the_memory():
    framer = p1.P1Framer()

    outcomes = [o for _ in range(100) for o in framer.feed(b"/" + b"x" * 1000)]
    outcomes += [o for _ in range(100) for o in framer.feed(b"x" * 1000)]

    assert all(isinstance(o, TelegramRefused) for o in outcomes)
    assert any(o.error is BusError.LONG_ANSWER for o in outcomes)
