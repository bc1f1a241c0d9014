"""Row 34 of the fault table: files of readings made to harm.

A zip or gzip bomb, entities that unfold, a line without end, zero bytes, more rows or rejects than
a person can mean: each is refused with its reason, soon, and in little memory.
"""

import gzip
import resource
import time
import zipfile

import openpyxl
import pytest

from energy_desktop.acquisition.files.guess import look
from energy_desktop.acquisition.files.reading import parse_file
from energy_desktop.domain.errors import DataFileError

LAUGHS = b"""<?xml version="1.0"?>
<!DOCTYPE feed [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;">
<!ENTITY c "&b;&b;&b;&b;&b;&b;&b;&b;&b;&b;"><!ENTITY d "&c;&c;&c;&c;&c;&c;&c;&c;&c;&c;">]>
<feed xmlns="http://www.w3.org/2005/Atom"><title>&d;&d;&d;&d;</title></feed>"""
OUTSIDE = b"""<?xml version="1.0"?><!DOCTYPE feed SYSTEM "file:///etc/passwd"><feed/>"""


@pytest.fixture
def soon():
    """What is refused is refused within two seconds and 150 MB."""
    begun, before = time.process_time(), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    yield
    assert time.process_time() - begun < 2.0
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 150 * 1024


def written(tmp_path, data, name="in.csv"):
    path = tmp_path / name
    path.write_bytes(data)
    return path


def a_workbook(tmp_path, part, data):
    path = tmp_path / "book.xlsx"
    book = openpyxl.Workbook()
    book.active.append(["time", "kwh"])
    book.save(path)
    other = tmp_path / "bomb.xlsx"
    with zipfile.ZipFile(path) as old, zipfile.ZipFile(other, "w", zipfile.ZIP_DEFLATED) as new:
        for one in old.infolist():
            new.writestr(one.filename, data if one.filename == part else old.read(one.filename))
    return other


@pytest.mark.parametrize("data", [LAUGHS, OUTSIDE])
@pytest.mark.usefixtures("soon")
def test_a_document_type_is_refused_before_it_unfolds(tmp_path, data):
    with pytest.raises(DataFileError, match="declares a document type or entities"):
        parse_file(written(tmp_path, data, "in.xml"))


@pytest.mark.usefixtures("soon")
def test_a_packed_feed_that_unfolds_without_end_is_stopped(tmp_path):
    data = b"<feed>" + b"<x" + b"x" * 200 + b"/>"
    data += data[6:] * 200_000

    with pytest.raises(DataFileError, match=r"more than \d+ MiB of XML"):
        parse_file(written(tmp_path, gzip.compress(data), "in.xml.gz"))


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"<a>" * 100, "nested more than 64 deep|no Green Button feed"),
        (b"<feed><entry>" * 60, "nested more than 64 deep"),
        (b"<feed>" + b"x" * 200_000 + b"</feed>", "longer than 100,000 characters"),
        (b"<feed><entry></feed>", "no well-formed XML"),
        (b"<html><body/></html>", "no Green Button feed"),
    ],
)
def test_xml_that_is_no_feed_is_refused_in_words(tmp_path, data, said):
    with pytest.raises(DataFileError, match=said):
        parse_file(written(tmp_path, data, "in.xml"))


@pytest.mark.parametrize("act", [parse_file, look])
def test_a_workbook_that_is_a_bomb_is_not_unpacked(tmp_path, act):
    bomb = a_workbook(tmp_path, "xl/worksheets/sheet1.xml", b"<a>" + b" " * 100_000_000)
    begun = time.process_time()

    with pytest.raises(DataFileError, match=r"would unpack to .* MiB"):
        act(bomb)

    assert time.process_time() - begun < 0.5


@pytest.mark.parametrize("part", ["xl/worksheets/sheet1.xml", "xl/workbook.xml"])
def test_a_workbook_with_entities_is_refused(tmp_path, part):
    with pytest.raises(DataFileError, match="declares a document type or entities"):
        parse_file(a_workbook(tmp_path, part, LAUGHS))


def test_a_zip_that_is_no_workbook_is_said_to_be_none(tmp_path):
    path = tmp_path / "in.xlsx"
    with zipfile.ZipFile(path, "w") as packed:
        packed.writestr("a.txt", "no book")

    with pytest.raises(DataFileError, match="no Excel workbook"):
        parse_file(path)
    with pytest.raises(DataFileError, match="no Excel workbook"):
        parse_file(written(tmp_path, path.read_bytes()[:40], "cut.xlsx"))


@pytest.mark.usefixtures("soon")
def test_a_line_without_end_is_stopped_at_its_beginning(tmp_path):
    """Sparse, so that it costs no disk: 10 GB of zero bytes; and the same of letters, packed."""
    path = tmp_path / "in.csv"
    with path.open("wb") as file:
        file.write(b"time_utc,wh\n2026-01-01 00:00,")
        file.truncate(10 << 30)

    with pytest.raises(DataFileError, match=r"line 2: .*zero byte"):
        parse_file(path)
    letters = gzip.compress(b"time_utc,wh\n" + b"7" * 50_000_000, 1)
    with pytest.raises(DataFileError, match=r"line 2: .*longer than 16,384 bytes"):
        parse_file(written(tmp_path, letters, "in.csv.gz"))


def test_a_zero_byte_anywhere_ends_the_reading_at_its_line(tmp_path):
    rows = b"".join(b"2026-01-01 %02d:00,1\n" % hour for hour in range(24))
    data = b"time_utc,wh\n" + rows * 20_000 + b"2026-01-02 00:00,1\x00\n"

    with pytest.raises(DataFileError, match=r"line 480002: .*zero byte"):
        parse_file(written(tmp_path, data))


def test_more_contradictions_than_a_person_means_are_refused(tmp_path):
    rows = "".join(f"2026-01-01 00:00,{k}\n" for k in range(150_000))
    data = f"time_utc,wh\n{rows}2026-01-01 01:00,1\n".encode()

    with pytest.raises(DataFileError, match=r"149,999 lines .* cannot be used"):
        parse_file(written(tmp_path, data))


def test_what_spells_a_formula_or_a_path_is_only_a_name(tmp_path):
    names = ["=cmd|' /C calc'!A0", "../../etc/passwd", "<img src=x>", "'; DROP TABLE intervals; --"]
    rows = "".join(f'2026-01-01 0{hour}:00,"{name}",1\n' for name in names for hour in range(3))

    found = parse_file(written(tmp_path, f"time_utc,meter,wh\n{rows}".encode()))

    assert [series.meter_id for series in found] == names
