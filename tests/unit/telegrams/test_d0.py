"""IEC 62056-21: the block check character decides where there is one, the form where not."""

import pytest

from energy_desktop.acquisition.telegrams import Telegram, TelegramRefused, d0, decode_all
from energy_desktop.domain.bus import BusError
from tests.support import telegrams as build


def test_a_readout_with_a_right_block_check_is_read():
    data = build.d0("0.0.0(1234567)", "1.8.0(00012.5*kWh)", "2.8.0(00000.5*kWh)")

    (telegram,) = decode_all("d0", data)

    assert isinstance(telegram, Telegram)
    assert telegram.checked
    assert telegram.identity == "1234567"
    assert telegram.values == {"energy_import_wh": 12_500.0, "energy_export_wh": 500.0}


def test_a_wrong_block_check_is_never_a_reading():
    good = build.d0("0.0.0(1234567)", "1.8.0(00012.5*kWh)")
    block = range(good.index(b"\x02"), len(good))

    for position in block:
        for bit in range(8):
            spoilt = bytearray(good)
            spoilt[position] ^= 1 << bit
            assert not any(isinstance(o, Telegram) for o in decode_all("d0", bytes(spoilt)))


def test_the_refusal_says_both_characters():
    good = build.d0("1.8.0(00012.5*kWh)")

    (refusal,) = decode_all("d0", good[:-1] + bytes([good[-1] ^ 0xFF]))

    assert isinstance(refusal, TelegramRefused)
    assert refusal.error is BusError.CHECKSUM
    assert f"{good[-1] ^ 0xFF:02X}" in refusal.what
    assert f"{good[-1]:02X}" in refusal.what


def test_old_heat_codes_and_several_sets_on_a_line_are_read():
    data = build.d0("0.0(00005077354)6.8(00433.65*GJ)6.26(03052.95*m3)6.31(0109868*h)")

    (telegram,) = decode_all("d0", data)

    assert isinstance(telegram, Telegram)
    assert telegram.identity == "00005077354"
    assert telegram.values == {
        "heat_energy_wh": pytest.approx(433.65e9 / 3600, rel=1e-12),
        "volume_m3": 3052.95,
        "operating_time_s": 109_868 * 3600.0,
    }


def test_without_block_check_every_line_must_be_readable():
    good = build.d0("1.8.0(00012.5*kWh)", checked=False)
    noisy = good.replace(b"00012.5", b"0\xff012.5")
    broken = good.replace(b"(", b"")

    (read,) = decode_all("d0", good)

    assert isinstance(read, Telegram)
    assert not read.checked
    assert all(isinstance(o, TelegramRefused) for o in decode_all("d0", noisy))
    assert all(isinstance(o, TelegramRefused) for o in decode_all("d0", broken))


def test_a_number_with_a_foreign_character_is_no_number():
    data = build.d0("1.8.0(000l2.5*kWh)", "2.8.0(1e9*kWh)")

    (telegram,) = decode_all("d0", data)

    assert isinstance(telegram, Telegram)
    assert telegram.values == {}


def test_the_absolute_power_has_no_direction_and_is_not_taken():
    (telegram,) = decode_all("d0", build.d0("1.8.0(5*kWh)", "15.7.0(00.100*kW)"))

    assert isinstance(telegram, Telegram)
    assert "power_w" not in telegram.values
    assert "direction" in " ".join(telegram.remarks)


def test_a_stream_in_single_bytes_gives_each_telegram_once():
    good = build.d0("1.8.0(1*kWh)") + build.d0("1.8.0(2*kWh)")
    framer = d0.D0Framer()

    pieces = [piece for byte in good for piece in framer.feed(bytes([byte]))]

    assert [d0.decode(p).values["energy_import_wh"] for p in pieces if isinstance(p, bytes)] == [
        1000.0,
        2000.0,
    ]
