"""decode: an object per telegram; a bad one is an error and exit code 3, its neighbours print."""

import json

import pytest
from typer.testing import CliRunner

from energy_desktop.app.commands.root import app
from tests.support import telegrams as build

GOOD = build.p1("0-0:96.1.1(4142)", "0-0:1.0.0(180104231941W)", "1-0:1.8.0(000012.500*kWh)")
BAD = build.p1("1-0:1.8.0(000012.500*kWh)", crc="0000")


def run(*arguments):
    return CliRunner().invoke(app, ["decode", *(str(a) for a in arguments)])


@pytest.fixture
def file(tmp_path):
    return tmp_path / "recording"


def test_a_telegram_is_one_object(file):
    file.write_bytes(GOOD)

    result = run("--protocol", "p1", file, "--json")

    (document,) = [json.loads(line) for line in result.stdout.splitlines()]
    assert result.exit_code == 0
    assert document["identity"] == "AB"
    assert document["time_utc"] == "2018-01-04T22:19:41Z"
    assert document["quantities"] == {"energy_import_wh": 12_500.0}
    assert document["entries"][2] == {
        "code": "1-0:1.8.0",
        "key": "1.8.0",
        "value": 12.5,
        "unit": "kWh",
        "text": "(000012.500*kWh)",
        "quantity": "energy_import_wh",
    }


def test_a_bad_telegram_is_an_error_and_its_neighbours_are_printed(file):
    file.write_bytes(GOOD + BAD + GOOD)

    result = run("--protocol", "p1", file, "--json")

    documents = [json.loads(line) for line in result.stdout.splitlines()]
    assert result.exit_code == 3
    assert ["error" in document for document in documents] == [False, True, False]
    assert "checksum says 0000" in documents[1]["error"]
    assert "checksum says 0000" in result.stderr


def test_hexadecimal_text_is_read_however_it_is_spaced(file):
    frame = build.mbus(bytes.fromhex("0403E8030000"))
    file.write_text("0x" + frame.hex(" ").upper().replace(" ", " 0x") + "\n")

    result = run("--protocol", "mbus", "--hex", file, "--json")

    assert result.exit_code == 0
    assert json.loads(result.stdout)["quantities"] == {"energy_import_wh": 1000.0}


def test_the_ends_of_a_recording_are_told_but_are_no_error(file):
    telegram = build.sml(build.sml_value("1-0:1.8.0*255", build.unsigned(5, 4)))
    file.write_bytes(telegram[20:] + telegram + telegram[:20])

    result = run("--protocol", "sml", file, "--json")

    assert result.exit_code == 0
    assert len(result.stdout.splitlines()) == 1
    assert result.stderr.count("end of the recording") == 2


@pytest.mark.parametrize(
    ("content", "protocol", "options", "words"),
    [
        (b"", "p1", (), "holds no telegram"),
        (b"nothing of the kind", "d0", (), "holds no telegram"),
        (GOOD[:40], "p1", (), "it is cut"),
        (b"68 xx", "mbus", ("--hex",), "not hexadecimal"),
    ],
)
def test_a_file_without_a_telegram_says_so(file, content, protocol, options, words):
    file.write_bytes(content)

    result = run("--protocol", protocol, *options, file)

    assert result.exit_code == 3
    assert words in result.stderr


def test_a_file_that_is_not_there_says_so(file):
    result = run("--protocol", "p1", file)

    assert result.exit_code == 3
    assert "cannot be read" in result.stderr


def test_words_for_a_person_name_meter_value_and_remark(file):
    file.write_bytes(build.d0("1.8.0(5*kWh)", checked=False))

    result = run("--protocol", "d0", file)

    assert result.exit_code == 0
    assert "energy_import_wh" in result.stdout
    assert "carries no checksum" in result.stdout
