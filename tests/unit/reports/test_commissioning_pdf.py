"""The commissioning record on paper."""

import io
from dataclasses import replace

from pypdf import PdfReader

from energy_desktop.domain.bus import BusError, BusStatistics, ErrorCount, UnitStatistics
from energy_desktop.domain.commissioning import (
    DeviceIdentity,
    FaultKind,
    Judgement,
    Verdict,
)
from energy_desktop.domain.commissioning_record import CommissioningRecord, RegisterRow
from energy_desktop.domain.driver import DriverInfo
from energy_desktop.domain.site import Link, LinkKind, Meter, Site
from energy_desktop.reports import commissioning_pdf

from .builders import FONTS

GOOD = Judgement(FaultKind.FREQUENCY, Verdict.GOOD, "Frequency 50.00 Hz", "within 49 to 51")
FAULT = Judgement(
    FaultKind.REVERSED_CT, Verdict.FAULT, "L2 reads -7.4 kW", "CT on L2 reversed", "Swap k and l."
)
RECORD = CommissioningRecord(
    site=Site("Lindenhof Works", "Europe/Berlin"),
    meter=Meter("press-4", "Press 4", "sdm630", "com4", 12, serial_number="A-17", ct_ratio=40.0),
    link=Link("com4", LinkKind.MODBUS_RTU, device="COM4"),
    driver=DriverInfo("sdm630", "Eastron", ("SDM630",), ("voltage_l1_v",), "manual"),
    identity=DeviceIdentity("Eastron", "SDM630", "1.4"),
    registers=(
        RegisterRow("voltage_l1_v", 0, "30001", "float32", "ABCD", 231.29),
        RegisterRow("power_w", 52, "30053", "float32", "ABCD", None),
    ),
    judgements=(FAULT, GOOD),
    polls=12,
    statistics=BusStatistics(
        "com4",
        61.0,
        55.0,
        (UnitStatistics(12, 3600, 18, 52.0),),
        (ErrorCount(12, BusError.EXCEPTION, 18, 3, 2), ErrorCount(7, BusError.TIMEOUT, 99, 9)),
        "answers nobody asked for",
    ),
    made_at_ms=1_772_323_200_000,
    made_by="M. Kowalczyk",
)


def text_of(record):
    pdf = commissioning_pdf.render(record, fonts=FONTS)
    return " ".join(
        " ".join(page.extract_text().split()) for page in PdfReader(io.BytesIO(pdf)).pages
    )


def test_equal_records_give_equal_bytes():
    first = commissioning_pdf.render(RECORD, fonts=FONTS)

    assert commissioning_pdf.render(replace(RECORD), fonts=FONTS) == first


def test_the_record_says_what_was_found_by_whom_and_when():
    text = text_of(RECORD)

    for words in (
        "Press 4",
        "1 fault found: reversed current transformer.",
        "A-17",
        "COM4 9600 8N1",
        "40, 1",
        "Eastron SDM630 revision 1.4",
        "L2 reads -7.4 kW",
        "Swap k and l.",
        "231.29",
        "30001",
        "from 12 readings",
        "Commissioned by M. Kowalczyk 1 Mar 2026 01:00 (UTC+01:00)",
    ):
        assert words in text, words


def test_the_line_is_told_by_the_errors_of_this_unit_only():
    text = text_of(RECORD)

    assert "3,600 requests, 0.5 % failed; 95 of 100 answers within 52 ms" in text
    assert "exception 2" in text
    assert "99" not in text
    assert "A second master is suspected: answers nobody asked for" in text


def test_a_meter_without_a_fault_says_how_much_was_looked_at():
    assert "No fault found in 1 check." in text_of(replace(RECORD, judgements=(GOOD,)))


def test_a_dead_meter_has_a_record_too():
    dead = Judgement(FaultKind.DEAD, Verdict.FAULT, "No answer from unit 12", "no answer.", "Look.")
    record = replace(
        RECORD, judgements=(dead,), registers=(), identity=None, statistics=None, made_by=""
    )

    text = text_of(record)

    assert "1 fault found: no answer." in text
    assert "No register could be read." in text
    assert "Commissioned by not named" in text


def test_names_are_only_ever_drawn_as_the_characters_they_have():
    nasty = replace(RECORD.meter, name="<b>&Press</b> </para>", serial_number="=1+1")

    assert "<b>&Press</b> </para>" in text_of(replace(RECORD, meter=nasty))
