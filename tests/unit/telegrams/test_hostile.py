"""Whatever the bytes are, the outcome is a telegram or a refusal, and it comes soon."""

import time
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from energy_desktop.acquisition.telegrams import (
    PROTOCOLS,
    Telegram,
    TelegramRefused,
    decode_all,
)
from energy_desktop.domain.quantities import QUANTITIES
from tests.support import telegrams as build

SAMPLES = {
    "p1": build.p1("1-0:1.8.0(1*kWh)", "0-1:24.1.0(003)", "0-1:24.2.1(180104231507W)(2.5*m3)"),
    "d0": build.d0("0.0.0(123)", "1.8.0(1*kWh)"),
    "sml": build.sml(build.sml_value("1-0:1.8.0*255", build.unsigned(5, 4))),
    "mbus": build.mbus(bytes.fromhex("0403E8030000"), bytes.fromhex("0D7803414243")),
}


def check(protocol: str, data: bytes) -> None:
    for outcome in decode_all(protocol, data):
        assert isinstance(outcome, Telegram | TelegramRefused)
        if isinstance(outcome, Telegram):
            assert set(outcome.values) <= QUANTITIES.keys()
        else:
            assert outcome.what.endswith(".")


@pytest.mark.parametrize("protocol", PROTOCOLS)
@given(data=st.binary(max_size=300))
def test_any_bytes_are_read_or_refused(protocol, data):
    check(protocol, data)


@pytest.mark.parametrize("protocol", PROTOCOLS)
@given(data=st.data())
def test_a_telegram_with_bytes_put_in_or_taken_out_is_read_or_refused(protocol, data):
    sample = bytearray(SAMPLES[protocol])
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(sample) - 1))
        sample[at : at + data.draw(st.integers(0, 3))] = data.draw(st.binary(max_size=4))
        if not sample:
            break

    check(protocol, bytes(sample))


@given(records=st.binary(max_size=200), medium=st.integers(0, 255))
def test_any_records_in_a_right_frame_are_read_or_refused(records, medium):
    check("mbus", build.mbus(records, medium=medium))


@given(body=st.binary(max_size=200), tag=st.sampled_from([0x0701, 0x0101]))
def test_any_tree_in_a_right_sml_frame_is_read_or_refused(body, tag):
    check("sml", build.sml_transport(body))
    check("sml", build.sml_transport(build.sml_message(tag, body)))


@given(lines=st.lists(st.text("0123456789-:.*()kWhm3VA!/ \r\n", max_size=60), max_size=8))
def test_any_lines_in_a_right_p1_frame_are_read_or_refused(lines):
    check("p1", build.p1(*lines))
    check("d0", build.d0(*lines))


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_a_megabyte_of_the_worst_is_over_soon(protocol):
    worst = {
        "p1": b"/" * 100_000 + b"(" * 400_000 + b"/a\n" + b"1.8.0(" * 60_000 + b"!",
        "d0": b"/a\n\x02" + b"(" * 500_000 + b"/a\n" + b"1.8.0(1)" * 8_000 + b"!",
        "sml": b"\x1b" * 500_000 + b"\x1b\x1b\x1b\x1b\x01\x01\x01\x01" + b"\x7f" * 300_000,
        "mbus": b"\x68\xff\xff\x68" + b"\x68" * 100_000 + b"\x10" * 300_000,
    }[protocol]
    started = time.perf_counter()

    check(protocol, worst)

    assert time.perf_counter() - started < 10


@pytest.mark.parametrize("protocol", ["p1", "sml"])
def test_of_3000_telegrams_with_up_to_three_bit_errors_none_is_a_wrong_reading(protocol):
    sample = SAMPLES[protocol]
    (truth,) = decode_all(protocol, sample)
    random = Random(13)

    for _ in range(3000):
        spoilt = bytearray(sample)
        for bit in random.sample(range(8 * len(sample)), random.randint(1, 3)):
            spoilt[bit // 8] ^= 1 << bit % 8
        for outcome in decode_all(protocol, bytes(spoilt)):
            if isinstance(outcome, Telegram):
                assert outcome.values == truth.values
