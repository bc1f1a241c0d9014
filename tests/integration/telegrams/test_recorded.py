"""Every recorded telegram is decoded to its truth or refused with the reason.

The expected values were read out of the recordings by eye: of P1 and D0 they stand there as text,
of SML they were taken from the bytes after each OBIS code. M-Bus has decoded results beside it.
"""

import re
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

from energy_desktop.acquisition.telegrams import Entry, Telegram, TelegramRefused, decode_all
from energy_desktop.domain.bus import BusError
from tests.support.shared_data import shared_data


def outcomes(protocol: str, path: Path) -> list[Telegram | TelegramRefused]:
    data = path.read_bytes()
    if path.suffix == ".hex":
        data = bytes.fromhex(re.sub(rb"[^0-9A-Fa-f]", b"", data).decode())
    return list(decode_all(protocol, data))


def whole(protocol: str, path: Path) -> list[Telegram]:
    """The telegrams; nothing but the ends of the recording and known damage may be refused."""
    found = outcomes(protocol, path)
    refused = [o.what for o in found if isinstance(o, TelegramRefused) and not o.fragment]
    assert refused == DAMAGED.get(path.stem, [])
    return [o for o in found if isinstance(o, Telegram)]


DAMAGED = {"EMH-ED300L_delivery": ["2028 bytes between two telegrams have no start."]}
"""Starts that the optical head lost: telegrams without one are refused as what they are."""

P1 = {
    "iskra_am550": (
        "E0044006903312917",
        "2018-01-04T22:19:41+00:00",
        {
            "energy_import_t1_wh": 156_167,
            "energy_import_t2_wh": 71_546,
            "energy_import_wh": 227_713,
            "energy_export_t1_wh": 0,
            "energy_export_t2_wh": 0,
            "energy_export_wh": 0,
            "power_w": 519,
            "power_l1_w": 122,
            "power_l2_w": 237,
            "power_l3_w": 158,
            "voltage_l1_v": 234.8,
            "voltage_l2_v": 232.1,
            "voltage_l3_v": 235.3,
            "current_l1_a": 0,
            "current_l2_a": 1,
            "current_l3_a": 1,
            "gas_volume_m3": 212.529,
        },
    ),
    "kaifa_ma105": (
        "3960221976967177082151037881335713",
        "2016-11-13T19:57:57+00:00",
        {
            "energy_import_t1_wh": 1_581_123,
            "energy_import_t2_wh": 1_435_706,
            "energy_import_wh": 3_016_829,
            "energy_export_t1_wh": 0,
            "energy_export_t2_wh": 0,
            "energy_export_wh": 0,
            "power_w": 2027,
            "power_l1_w": 170,
            "power_l2_w": 1247,
            "power_l3_w": 209,
            "current_l1_a": 0,
            "current_l2_a": 6,
            "current_l3_a": 2,
            "gas_volume_m3": 981.443,
        },
    ),
    "sagemcom_t210_d_r": (
        "EST5\\253710000_A",
        "2022-10-06T13:50:14+00:00",
        {
            "energy_import_wh": 6_545_766,
            "energy_import_t1_wh": 5_017_120,
            "energy_import_t2_wh": 1_528_646,
            "energy_export_wh": 58,
            "energy_export_t1_wh": 0,
            "energy_export_t2_wh": 58,
            "reactive_energy_import_varh": 747,
            "reactive_energy_export_varh": 3_897_726,
            "power_w": 286,
            "reactive_power_var": -166,
        },
    ),
}


@pytest.mark.parametrize("name", P1)
def test_p1_recordings_say_what_is_written_in_them(name):
    from datetime import UTC, datetime

    identity, when, values = P1[name]

    (telegram,) = whole("p1", shared_data("telegrams") / "dsmr-p1" / f"{name}.txt")

    assert telegram.identity == identity
    assert telegram.checked
    assert telegram.time_ms is not None
    assert datetime.fromtimestamp(telegram.time_ms / 1000, UTC).isoformat() == when
    assert telegram.values == pytest.approx(values, rel=1e-12)
    assert set(telegram.values) == set(values)


@pytest.mark.parametrize("name", P1)
def test_no_line_of_a_p1_recording_is_dropped(name):
    path = shared_data("telegrams") / "dsmr-p1" / f"{name}.txt"
    lines = re.findall(rb"^(\d-\d:[0-9.]+)\(", path.read_bytes(), re.MULTILINE)

    (telegram,) = whole("p1", path)

    assert [entry.code.encode() for entry in telegram.entries] == lines


def test_another_parser_of_p1_reads_the_same_numbers():
    from decimal import Decimal

    from dsmr_parser import telegram_specifications
    from dsmr_parser.parsers import TelegramParser

    folder = shared_data("telegrams") / "dsmr-p1"
    text = (folder / "iskra_am550.txt").read_bytes().decode()
    theirs = TelegramParser(telegram_specifications.V5).parse(text)

    (ours,) = whole("p1", folder / "iskra_am550.txt")

    numbers = {entry.value for entry in ours.entries}
    measured = [item.value for _, item in theirs if hasattr(item, "value")]
    decimals = [value for value in measured if isinstance(value, Decimal)]
    assert len(decimals) == 18
    assert all(float(value) in numbers for value in decimals)


def test_the_easymeter_readout_says_what_is_written_in_it():
    (telegram,) = whole("d0", shared_data("telegrams") / "iec62056-21" / "easymeter_q3d_b.txt")

    assert telegram.identity == "0272031312565"
    assert "1ESY1313002565" in telegram.aliases
    assert telegram.values == {
        "energy_import_wh": 52_185_782.5309,
        "energy_export_wh": 19_949_322.1493,
        "power_w": 2124.86,
        "power_l1_w": 747.85,
        "power_l2_w": 737.28,
        "power_l3_w": 639.73,
    }
    assert not telegram.checked
    assert len(telegram.entries) == 9


def test_the_altered_kamstrup_readout_is_refused_with_its_reason():
    path = shared_data("telegrams") / "iec62056-21" / "kamstrup_mc66.txt"

    (refusal,) = outcomes("d0", path)

    assert isinstance(refusal, TelegramRefused)
    assert refusal.error is BusError.CHECKSUM
    assert refusal.what == "its block check character says 61, its bytes give 3D."


def test_the_kamstrup_readout_with_a_right_block_check_would_be_read():
    path = shared_data("telegrams") / "iec62056-21" / "kamstrup_mc66.txt"

    (telegram,) = decode_all("d0", path.read_bytes()[:-1] + b"\x3d")

    assert isinstance(telegram, Telegram)
    assert telegram.identity == "00005077354"
    assert telegram.values["volume_m3"] == 3052.95
    assert telegram.values["heat_energy_wh"] == pytest.approx(433.65e9 / 3600, rel=1e-12)


SML = {
    "DZG_DVS-7420.2V.G2_mtr1": (
        "0A01445A4700039E2055",
        4,
        {
            "energy_import_wh": 2_353_656.9,
            "energy_import_t1_wh": 38_610.0,
            "energy_import_t2_wh": 2_315_046.9,
            "energy_export_wh": 0,
            "power_w": 6.22,
        },
        {"power_w": 5.79},
    ),
    # 53 D6 CA is -10550 x 0.01: two bytes with a sign, as the standard wants it.
    "DZG_DVS-7420.2V.G2_mtr2_neg": (
        "0A01445A4700039E2053",
        3,
        {"energy_import_wh": 13_232.9, "energy_export_wh": 1_500_321.3, "power_w": -105.5},
        {"energy_export_wh": 1_500_321.4, "power_w": -104.38},
    ),
    "DrNeuhaus_SMARTY_ix-130": (
        "0901444E540100002030",
        12,
        {
            "energy_export_wh": 4373.0,
            "energy_export_t1_wh": 4373.0,
            "energy_export_t2_wh": 0,
        },
        {},
    ),
    "EMH-ED300L_consumption": (
        "06454D4801027156CD45",
        1,
        {
            "energy_import_wh": 17_243_368.3,
            "energy_import_t1_wh": 17_243_368.3,
            "energy_import_t2_wh": 0,
            "power_w": 137.1,
        },
        {},
    ),
    # 15.7.0 is 126.6 W without a sign; the status 01B0 of 1.8.0 says that they are exported.
    "EMH-ED300L_delivery": (
        "06454D4801027156CD45",
        2,
        {
            "energy_import_wh": 17_243_675.6,
            "energy_import_t1_wh": 17_243_675.6,
            "energy_import_t2_wh": 0,
            "power_w": -126.6,
        },
        {"power_w": -126.5},
    ),
    "EMH_eHZ-HW8E2A5L0EK2P": (
        "06454D4801027153C8C6",
        12,
        {
            "energy_import_wh": 8_391_648.8,
            "energy_import_t1_wh": 8_391_447.6,
            "energy_import_t2_wh": 201.2,
            "power_w": 163.5,
        },
        {},
    ),
    "ISKRA_MT175_eHZ": (
        "090149534B000403DF63",
        10,
        {
            "energy_import_wh": 22_462_413.6,
            "energy_import_t1_wh": 22_462_413.6,
            "energy_import_t2_wh": 0,
            "power_w": 168,
            "power_l1_w": 117,
            "power_l2_w": 22,
            "power_l3_w": 29,
        },
        {},
    ),
    "ISKRA_MT631-D1A52-K0z-H01_with_PIN": (
        "0A0149534B00047A5544",
        5,
        {"energy_import_wh": 2_043_104.7, "energy_export_wh": 0, "power_w": 193},
        {"energy_import_wh": 2_043_104.9, "power_w": 194},
    ),
    "ISKRA_MT631-D1A52-K0z-H01_without_PIN": (
        "0A0149534B00047A5544",
        5,
        {"energy_import_wh": 2_043_000, "energy_export_wh": 0},
        {},
    ),
    "ITRON_OpenWay-3.HZ": (
        "0A01495452000348F58E",
        1,
        {"energy_import_wh": 8_189_594.9, "power_w": 613},
        {},
    ),
    # 53 86 A8 is -31064 x 0.01: it exports, and its export register grows by 0.08 Wh a second.
    "dzg_dwsb20_2th_2byte": (
        "0A01445A470002632316",
        15,
        {"energy_import_wh": 142_439.0, "energy_export_wh": 2_017_197.8, "power_w": -310.64},
        {"energy_export_wh": 2_017_199.0, "power_w": -306.88},
    ),
}


@pytest.mark.parametrize("name", SML)
def test_sml_recordings_say_what_their_bytes_say(name):
    identity, count, first, last = SML[name]

    found = whole("sml", shared_data("telegrams") / "sml" / f"{name}.bin")

    assert len(found) == count
    assert {telegram.identity for telegram in found} == {identity}
    assert found[0].values == pytest.approx(first, rel=1e-12)
    assert {key: found[-1].values[key] for key in last} == pytest.approx(last, rel=1e-12)


def test_every_recording_has_its_truth_here():
    folder = shared_data("telegrams")

    assert {path.stem for path in (folder / "dsmr-p1").glob("*.txt")} == set(P1)
    assert {path.stem for path in (folder / "sml").glob("*.bin")} == set(SML)
    assert len(list((folder / "iec62056-21").iterdir())) == 2
    assert len(mbus_files()) == 38


def mbus_files() -> list[Path]:
    from tests.support.shared_data import shared_folder

    return sorted((shared_folder() / "telegrams" / "mbus").glob("*.hex"))


TO_BASE = {
    "kWh": ("Wh", 1000.0),
    "l": ("m3", 0.001),
    "m^3": ("m3", 1.0),
    "min": ("s", 60.0),
    "h": ("s", 3600.0),
    "d": ("s", 86_400.0),
    "m3/min": ("m3/h", 60.0),
    "m^3/h": ("m3/h", 1.0),
    "": ("-", 1.0),
    "°C": ("°C", 1.0),
    "Â°C": ("°C", 1.0),
    "%": ("-", 1.0),
}
TIMES_OF_EXTREMES = {"9410AD6F", "9410BB6F", "9410DA6F", "9410DE6F"}
"""Records of the Ultraheat T230 whose VIFE 6F makes a time of them: the truth beside the file
ignores it and reads the time of the highest temperature as 41,065,374.6 °C."""

MEDIA = {"Heat: Outlet": "heat", "Heat: Inlet": "heat", "Oil": "oil", "Other": "other"} | {
    name: name.lower() for name in ("Water", "Cold water", "Electricity", "Gas", "Heat")
}


def base(value: float, unit: str) -> tuple[float, str]:
    name, factor = TO_BASE.get(unit, (unit, 1.0))
    return value * factor, name


@pytest.mark.parametrize("path", mbus_files(), ids=lambda path: path.stem)
def test_mbus_recordings_are_decoded_to_the_truth_beside_them(path):
    root = ET.fromstring(path.with_name(f"{path.stem}.norm.xml").read_bytes())
    truth = root.findall("DataRecord")

    (telegram,) = whole("mbus", path)

    assert telegram.identity.lstrip("0") == (root.findtext(".//Id") or "").lstrip("0")
    assert telegram.manufacturer == (root.findtext(".//Manufacturer") or "")
    medium = root.findtext(".//Medium") or ""
    assert medium not in MEDIA or telegram.medium == MEDIA[medium]
    assert len(telegram.entries) == len(truth)
    for entry, record in zip(telegram.entries, truth, strict=True):
        agrees(entry, record)


def agrees(entry: Entry, record: ET.Element) -> None:
    said, unit = record.findtext("Value") or "", record.findtext("Unit") or ""
    storage = record.findtext("StorageNumber") or "0"
    assert (f".s{storage}" in entry.key) == (storage != "0")
    function = record.findtext("Function") or ""
    assert (".max" in entry.key) == function.startswith("Maximum")
    assert (".min" in entry.key) == function.startswith("Minimum")
    if entry.code in TIMES_OF_EXTREMES:
        assert entry.value is None
        return
    if entry.value is None:
        spoken = said.rstrip("Z").replace("+", " ")
        # A day or month 0, and a time whose bit for not valid is set, are no times.
        assert spoken in entry.text or "-00" in spoken
        assert "-00" not in spoken or "not valid" in entry.text
        return
    ours, theirs = base(entry.value, entry.unit), base(float(said), unit)
    assert ours[0] == pytest.approx(theirs[0], rel=2e-6, abs=1e-6)
    if theirs[1] in ("Wh", "m3", "m3/h", "W", "V", "A", "K", "°C", "s"):
        assert ours[1] == theirs[1]


MBUS_VALUES = {
    "electricity-meter-1": {
        "energy_import_t1_wh": 12_520,
        "energy_import_t2_wh": 17_744_330,
        "energy_import_wh": 17_756_850,
        "voltage_l1_v": 237,
        "voltage_l2_v": 231,
        "voltage_l3_v": 228,
        "current_l1_a": 3.2,
        "current_l2_a": 3.5,
        "current_l3_a": 6.9,
        "power_l1_w": 790,
        "power_l2_w": 810,
        "power_l3_w": 1600,
        "power_w": 3200,
    },
    "REL-Relay-Padpuls2": {"gas_volume_m3": 28_760.81},
    "GWF-MTKcoder": {"volume_m3": 269},
    "nzr_dhz_5_63": {
        "energy_import_wh": 1274,
        "voltage_v": 237.2,
        "current_a": 0,
        "power_w": 0,
    },
    "example_data_01": {
        "heat_energy_wh": 1_389_817_000,
        "volume_m3": 504_647,
        "heat_power_w": 0,
        "flow_m3_h": 0,
        "flow_temperature_c": 41.73743438720703,
        "return_temperature_c": 35.46364974975586,
    },
    "elv_temp_humid": {"temperature_c": 22.56, "humidity_pct": 45.64},
    "sen_pollusonic_2": {"heat_energy_wh": 6_531_000, "volume_m3": 0.069},
    "siemens_rvd235": {},
    "rel_padpuls3": {},
}


@pytest.mark.parametrize("name", MBUS_VALUES)
def test_mbus_meters_give_quantities_of_their_medium(name):
    (telegram,) = whole("mbus", shared_data("telegrams") / "mbus" / f"{name}.hex")

    assert telegram.values == pytest.approx(MBUS_VALUES[name], rel=1e-12)
    assert set(telegram.values) == set(MBUS_VALUES[name])


def test_another_decoder_of_mbus_takes_letters_for_digits():
    """Why the decoding is our own: a value that is none must not become a number."""
    import meterbus

    from tests.support import telegrams as build

    frame = build.mbus(bytes.fromhex("0B 13 00 00 AA"), medium=7)

    theirs = meterbus.load(frame).records[0].value
    (ours,) = decode_all("mbus", frame)

    assert theirs is not None
    assert isinstance(ours, Telegram)
    assert ours.values == {}
