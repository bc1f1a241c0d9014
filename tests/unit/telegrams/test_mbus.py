"""M-Bus: only what is current, whole and unchanged becomes a value."""

import pytest

from energy_desktop.acquisition.telegrams import Telegram, TelegramRefused, decode_all, mbus
from energy_desktop.domain.bus import BusError
from tests.support import telegrams as build

HEAT, WATER, ELECTRICITY, GAS = 4, 7, 2, 3


def read(*records: str, **header: object) -> Telegram:
    frame = build.mbus(*(bytes.fromhex(r) for r in records), **header)
    (outcome,) = decode_all("mbus", frame)
    assert isinstance(outcome, Telegram), outcome
    return outcome


@pytest.mark.parametrize(
    ("record", "medium", "values"),
    [
        ("04 03 E8 03 00 00", ELECTRICITY, {"energy_import_wh": 1000.0}),
        ("04 FB 00 05 00 00 00", HEAT, {"heat_energy_wh": 500_000.0}),
        ("0C 0E 00 00 00 01", HEAT, {"heat_energy_wh": 1_000_000 * 1e6 / 3600}),
        ("0C 13 27 04 85 02", WATER, {"volume_m3": 2850.427}),
        ("0C 14 81 60 87 02", GAS, {"gas_volume_m3": 28_760.81}),
        ("02 2B 9C FF", ELECTRICITY, {"power_w": -100.0}),
        ("02 FD 48 44 09", ELECTRICITY, {"voltage_v": 237.2}),
        ("02 FD C8 FC 01 44 09", ELECTRICITY, {"voltage_l1_v": 237.2}),
        ("0A FB 2E 00 50", ELECTRICITY, {"frequency_hz": 500.0}),
        ("02 5A C3 00", HEAT, {"flow_temperature_c": 19.5}),
        ("05 3E 00 00 80 3F", HEAT, {"flow_m3_h": 1.0}),
        ("84 00 86 3C 05 00 00 00", HEAT, {"cooling_energy_wh": 5000.0}),
        ("0B 40 10 00 00", WATER, {"flow_m3_h": 10e-7 * 60}),
    ],
)
def test_a_record_gives_its_quantity_in_our_unit(record, medium, values):
    telegram = read(record, medium=medium)

    assert telegram.values == {name: pytest.approx(v, rel=1e-12) for name, v in values.items()}


@pytest.mark.parametrize(
    "record",
    [
        "44 03 E8 03 00 00",  # storage 1
        "14 03 E8 03 00 00",  # maximum
        "34 03 E8 03 00 00",  # during an error
        "84 40 03 E8 03 00 00",  # subunit 1
        "04 83 7F E8 03 00 00",  # meaning known to the maker alone
        "04 83 18 E8 03 00 00",  # marked as a data error
        "0C 03 FF FF FF FF",  # no digits
        "0C 03 0A 00 00 00",  # A is no digit
        "04 03 00 00 00 80",  # the pattern for not valid
        "05 03 00 00 C0 7F",  # NaN
        "04 7F E8 03 00 00",  # of the maker
        "08 03",  # selection without data
    ],
)
def test_what_is_not_the_current_value_is_listed_but_not_taken(record):
    telegram = read(record, medium=ELECTRICITY)

    assert telegram.values == {}
    assert len(telegram.entries) == 1


def test_one_quantity_with_two_values_is_none():
    telegram = read("04 03 E8 03 00 00", "04 03 E9 03 00 00")

    assert telegram.values == {}
    assert "twice" in telegram.remarks[0]
    assert [entry.key for entry in telegram.entries] == ["energy", "energy#2"]


def test_tariffs_without_total_are_summed_when_numbered_without_a_hole():
    summed = read("8C 10 04 52 12 00 00", "8C 20 04 33 44 77 01")
    holed = read("8C 20 04 33 44 77 01", "8C 30 04 33 44 77 01")

    assert summed.values["energy_import_wh"] == 17_756_850.0
    assert "energy_import_wh" not in holed.values


def test_a_flipped_bit_is_never_a_reading():
    good = build.mbus(bytes.fromhex("04 03 E8 03 00 00"))

    for position in range(len(good)):
        for bit in range(8):
            spoilt = bytearray(good)
            spoilt[position] ^= 1 << bit
            assert not any(isinstance(o, Telegram) for o in decode_all("mbus", bytes(spoilt)))


def test_encrypted_data_are_refused_in_words():
    frame = build.mbus(bytes(16), signature=b"\x10\x05")

    (refusal,) = decode_all("mbus", frame)

    assert isinstance(refusal, TelegramRefused)
    assert "encrypted" in refusal.what


def test_an_application_error_is_said():
    (refusal,) = decode_all("mbus", build.mbus_frame(bytes([0x08, 1, 0x70, 8])))

    assert isinstance(refusal, TelegramRefused)
    assert refusal.error is BusError.EXCEPTION
    assert "busy" in refusal.what


def test_the_fixed_structure_has_two_counters():
    user = bytes.fromhex("08 01 73 93 92 91 90 10 00 05 69 31 65 00 00 69 00 00 00")

    (telegram,) = decode_all("mbus", build.mbus_frame(user))

    assert isinstance(telegram, Telegram)
    assert telegram.identity == "90919293"
    assert telegram.values == {"heat_energy_wh": 6_531_000.0, "volume_m3": 0.069}


def test_fixed_counters_of_a_past_date_are_not_taken():
    user = bytes.fromhex("08 01 73 93 92 91 90 10 02 05 69 31 65 00 00 69 00 00 00")

    (telegram,) = decode_all("mbus", build.mbus_frame(user))

    assert isinstance(telegram, Telegram)
    assert telegram.values == {}


@pytest.mark.parametrize(
    "record",
    [
        "04 03 E8",
        "04",
        "0D 78 FF",
        "0D 78 30 41",
        "84 80 80 80 80 80 80 80 80 80 80 80 03 00",
        "FD",
    ],
)
def test_a_record_that_reaches_beyond_the_end_is_refused(record):
    (outcome,) = decode_all("mbus", build.mbus(bytes.fromhex(record)))

    assert isinstance(outcome, TelegramRefused)


def test_noise_between_frames_is_told_and_the_next_frame_is_read():
    good = build.mbus(bytes.fromhex("04 03 E8 03 00 00"))

    first, noise, second = decode_all("mbus", good + b"\xaa\xbb" + good)

    assert isinstance(first, Telegram)
    assert isinstance(noise, TelegramRefused)
    assert isinstance(second, Telegram)


def test_a_date_is_words_and_never_a_number():
    telegram = read("04 6D 0A 0C CD 13", "02 6C 00 00")

    assert [entry.value for entry in telegram.entries] == [None, None]
    assert "2014-03-13T12:10:00" in telegram.entries[0].text
    assert "not valid" in telegram.entries[1].text


def test_a_long_frame_is_whole_only_with_its_last_byte():
    good = build.mbus(bytes.fromhex("04 03 E8 03 00 00"))
    framer = mbus.MbusFramer()

    early = framer.feed(good[:-1])
    late = framer.feed(good[-1:])

    assert early == []
    assert late == [good]


def test_a_cut_frame_does_not_take_the_next_one_with_it():
    good = build.mbus(bytes.fromhex("04 03 E8 03 00 00"))

    cut, whole = decode_all("mbus", good[:12] + good)
    late_cut, late_whole = decode_all("mbus", b"\x68\xf0\xf0\x68\x08\x01" + good)

    for refusal in (cut, late_cut):
        assert isinstance(refusal, TelegramRefused)
        assert refusal.error is BusError.SHORT_ANSWER
    assert isinstance(whole, Telegram)
    assert isinstance(late_whole, Telegram)


def test_requests_and_acknowledgements_of_a_recorded_bus_are_no_telegrams():
    good = build.mbus(bytes.fromhex("04 03 E8 03 00 00"))

    outcomes = list(decode_all("mbus", bytes.fromhex("1040014116 E5 107B017C16") + good))

    assert [type(outcome) for outcome in outcomes] == [Telegram]


@pytest.mark.parametrize(
    ("record", "shown"),
    [
        ("04 6D 08 0A 4A 33", "2026-03-10T10:08:30"),  # without seconds: their middle
        ("06 6D 07 08 0A 4A 33 00", "2026-03-10T10:08:07"),
        ("04 6D 88 0A 4A 33", None),  # marked as not valid
        ("44 6D 08 0A 4A 33", None),  # of an earlier time, not of now
    ],
)
def test_the_time_that_a_meter_shows_is_told_without_a_zone(record, shown):
    telegram = read(record, "04 03 E8 03 00 00")

    assert telegram.time_ms is None
    assert (telegram.wall_time and telegram.wall_time.isoformat()) == shown
