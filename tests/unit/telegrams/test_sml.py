"""SML: two checksums, signs that mean what they say, and bounded trees."""

import pytest

from energy_desktop.acquisition.telegrams import Telegram, TelegramRefused, decode_all, sml
from energy_desktop.domain.bus import BusError
from tests.support import telegrams as build

IMPORT = build.sml_value("1-0:1.8.0*255", build.unsigned(23_536_569, 4), scaler=-1)
DVS74 = bytes.fromhex("0A01445A4700") + (42_000_001).to_bytes(4, "big")


def power(value: bytes, code: str = "1-0:16.7.0*255", scaler: int = -2) -> bytes:
    return build.sml_value(code, value, unit=27, scaler=scaler)


def read(data: bytes) -> Telegram:
    (outcome,) = decode_all("sml", data)
    assert isinstance(outcome, Telegram), outcome
    return outcome


def test_value_scale_and_unit_make_the_quantity():
    telegram = read(build.sml(IMPORT, power(build.signed(-10_550, 2))))

    assert telegram.identity == "0A01414243000102030A"
    assert telegram.values == {"energy_import_wh": 2_353_656.9, "power_w": -105.5}


def test_a_flipped_bit_is_never_a_reading():
    good = build.sml(IMPORT, power(build.signed(622, 2)))

    for position in range(len(good)):
        for bit in range(8):
            spoilt = bytearray(good)
            spoilt[position] ^= 1 << bit
            assert not any(isinstance(o, Telegram) for o in decode_all("sml", bytes(spoilt)))


def test_a_message_checksum_is_verified_even_if_the_telegrams_is_right():
    message = bytearray(build.sml_message(0x0701, build.listed(build.NOTHING)))
    message[-2] ^= 1

    (refusal,) = decode_all("sml", build.sml_transport(bytes(message)))

    assert isinstance(refusal, TelegramRefused)
    assert refusal.error is BusError.CHECKSUM


def test_an_escape_within_the_data_is_data():
    escape = b"\x1b\x1b\x1b\x1b"
    odd = build.sml_value("1-0:96.1.0*255", build.octets(b"\x1b" + escape + b"\x01\x01"))

    telegram = read(build.sml(IMPORT, odd))

    assert telegram.entries[1].text == "1B 1B 1B 1B 1B 01 01"
    assert telegram.values == {"energy_import_wh": 2_353_656.9}


def test_a_recording_cut_at_both_ends_gives_what_is_whole():
    good = build.sml(IMPORT)

    head, first, second, tail = decode_all("sml", good[30:] + good + good + good[:40])

    assert isinstance(head, TelegramRefused)
    assert head.fragment
    assert isinstance(first, Telegram)
    assert isinstance(second, Telegram)
    assert isinstance(tail, TelegramRefused)
    assert tail.fragment


def test_a_telegram_in_which_the_next_one_begins_is_cut():
    good = build.sml(IMPORT)

    cut, whole = decode_all("sml", good[:40] + good)

    assert isinstance(cut, TelegramRefused)
    assert not cut.fragment
    assert isinstance(whole, Telegram)


def test_a_meter_that_drops_the_sign_byte_has_positive_power():
    spoilt = power(build.signed(35_624 - 65_536, 2))  # 356.24 W as the DVS74 writes it

    telegram = read(build.sml(IMPORT, spoilt, server=DVS74))

    assert telegram.values["power_w"] == 356.24
    assert "firmware" in telegram.remarks[0]


def test_of_such_a_meter_that_can_export_a_negative_power_is_unknown():
    spoilt = power(build.signed(35_624 - 65_536, 2))
    export = build.sml_value("1-0:2.8.0*255", build.unsigned(1, 4))

    telegram = read(build.sml(IMPORT, export, spoilt, server=DVS74))

    assert "power_w" not in telegram.values


@pytest.mark.parametrize(("status", "power_w"), [(0x0182, 137.1), (0x01B0, -137.1)])
def test_the_absolute_power_takes_its_direction_from_the_status(status, power_w):
    energy = build.sml_value(
        "1-0:1.8.0*255", build.unsigned(5, 4), status=build.unsigned(status, 2)
    )

    telegram = read(build.sml(energy, power(build.signed(1371, 4), "1-0:15.7.0*255", -1)))

    assert telegram.values["power_w"] == power_w


def test_the_absolute_power_without_a_status_is_not_taken():
    telegram = read(build.sml(IMPORT, power(build.signed(1371, 4), "1-0:15.7.0*255", -1)))

    assert "power_w" not in telegram.values


def test_lists_in_lists_without_end_are_refused():
    deep = b"\x71" * 200 + b"\x01"
    wide = b"\x8f\x8f\x8f\x8f\x0f"  # a length that no telegram has

    for body in (deep, wide):
        (outcome,) = decode_all("sml", build.sml_transport(b"\x76" + body + b"\x01" * 9))
        assert isinstance(outcome, TelegramRefused)


def test_a_telegram_without_a_list_is_refused():
    opened = build.sml_message(0x0101, build.listed(build.NOTHING, build.NOTHING))

    (outcome,) = decode_all("sml", build.sml_transport(opened))

    assert isinstance(outcome, TelegramRefused)
    assert "no list" in outcome.what


def test_a_stream_without_an_end_does_not_fill_the_memory():
    framer = sml.SmlFramer()
    framer.feed(sml.START)

    outcomes = [o for _ in range(100) for o in framer.feed(b"\x55" * 1000)]

    assert any(isinstance(o, TelegramRefused) for o in outcomes)
    assert all(isinstance(o, TelegramRefused) for o in outcomes)


def test_the_stream_may_come_in_any_pieces():
    stream = build.sml(IMPORT) * 2
    framer = sml.SmlFramer()

    pieces = [piece for byte in stream for piece in framer.feed(bytes([byte]))]

    assert [type(piece) for piece in pieces] == [bytes, bytes]
