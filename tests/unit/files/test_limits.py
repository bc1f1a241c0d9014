"""A file from outside cannot fill the memory, and says why it was refused."""

import gzip
from pathlib import Path

import pytest

from energy_desktop.acquisition.files import text
from energy_desktop.acquisition.files.reading import parse_file, sniff_format
from energy_desktop.acquisition.files.text import Limits, read_blocks
from energy_desktop.domain.errors import DataFileError

HEADER = "LCLid,tstp,energy(kWh/hh)\n"
ROW = "MAC1,2013-01-01 00:00:00,0.1\n"


def written(tmp_path: Path, data: bytes) -> Path:
    path = tmp_path / "from_outside.csv"
    path.write_bytes(data)
    return path


def test_a_gzip_bomb_is_stopped_early(tmp_path):
    bomb = written(tmp_path, gzip.compress((HEADER + ROW * 2_000_000).encode()))

    with pytest.raises(DataFileError, match="unpacks to more than 200 times its size"):
        parse_file(bomb)


def test_a_line_without_an_end_is_stopped(tmp_path):
    with pytest.raises(DataFileError, match=r"line 2.*longer than 16,384 bytes"):
        parse_file(written(tmp_path, HEADER.encode() + b"x" * 10_000_000))
    with pytest.raises(DataFileError, match=r"line 3.*longer"):
        parse_file(written(tmp_path, (HEADER + ROW + "y" * 20_000 + "\n" + ROW).encode()))


def test_text_and_rows_have_a_ceiling(tmp_path):
    path = written(tmp_path, (HEADER + ROW * 50).encode())

    with pytest.raises(DataFileError, match="more than 40 rows"):
        parse_file(path, limits=Limits(rows=40))
    with pytest.raises(DataFileError, match="of text"):
        parse_file(path, limits=Limits(text_bytes=100))


def test_rejects_have_a_ceiling_and_the_first_is_named(tmp_path):
    path = written(tmp_path, (HEADER + ROW + "MAC1,x,y\n" * 20).encode())

    with pytest.raises(DataFileError, match=r"line 3: more than 10 lines .*'y' is no number"):
        parse_file(path, limits=Limits(rejects=10))


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", "no header line"),
        (b"\n\n", "no header line"),
        (b"PK\x03\x04\x00\x00", "not a text file"),
        ("a,b\n".encode("utf-16"), "UTF-16"),
        (gzip.compress((HEADER + ROW).encode(), mtime=0)[:-12], "damaged or cut off"),
        (b"\x1f\x8bnonsense", "damaged or cut off"),
        (b"just words\n", "names no two columns"),
    ],
)
def test_what_is_no_table_is_refused_in_words(tmp_path, data, said):
    with pytest.raises(DataFileError, match=said):
        sniff_format(written(tmp_path, data))


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(DataFileError, match="no such file"):
        sniff_format(tmp_path / "gone.csv")


def test_line_numbers_survive_block_borders_and_blank_lines(tmp_path, monkeypatch):
    monkeypatch.setattr(text, "BLOCK_BYTES", 7)
    lines = ["head", "a", "", "  ", "b", "c" * 30, "", "d"]
    path = written(tmp_path, "\r\n".join(lines).encode())

    pairs = [
        (number, line)
        for block in read_blocks(path)
        for number, line in zip(block.numbers, block.lines, strict=True)
    ]

    assert pairs == [(2, "a"), (5, "b"), (6, "c" * 30), (8, "d")]
