"""An export says by itself what it is, and holds what the picture showed."""

import csv
import json
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from energy_desktop.domain.energy import IntervalQuality
from energy_desktop.domain.errors import NotEnoughData, WrongUse
from energy_desktop.domain.history_paper import HistoryPaper
from energy_desktop.services.exporting import ExportService
from energy_desktop.services.history import MarkKind, QualityMark
from energy_desktop.services.history.seen import (
    SeenTable,
    curves_seen,
    days_seen,
    slots_seen,
    week_seen,
)
from tests.unit.services.history.test_history import DAY_MS, HALF_HOUR_MS, START
from tests.unit.services.history.test_quality import JudgedBooks, a_service

BERLIN = ZoneInfo("Europe/Berlin")


def judged():
    energy, quality = np.full(96, 100.0), np.zeros(96)
    quality[10:12] = IntervalQuality.ESTIMATED
    energy[20], quality[20] = np.nan, IntervalQuality.QUARANTINED
    return a_service(energy, quality)


@pytest.fixture
def look():
    return judged().look("m", "power_w", START, START + 2 * DAY_MS)


def exporting(render=None):
    books = JudgedBooks([], [])
    return ExportService(books, books, books, render)


@pytest.mark.parametrize("table", [slots_seen, days_seen, week_seen])
def test_each_row_says_meter_period_zone_and_quality(look, table):
    seen = dict(table(look, BERLIN).columns)

    for name in ("meter_id", "meter", "quantity", "period_start_utc", "zone", "quality"):
        assert len(seen[name]) == len(seen["meter_id"]) > 0
    assert set(seen["zone"]) == {"Europe/Berlin"}


def test_slots_have_their_quality_in_words(look):
    seen = dict(slots_seen(look, BERLIN).columns)

    assert seen["value_w"][0] == 200.0
    assert seen["quality"][10] == "estimated"
    assert seen["quality"][20] == "quarantined"
    assert np.isnan(seen["value_w"][20])
    assert seen["time_local"][0] == "2026-03-02T00:00:00+01:00"


def test_days_say_what_they_lack(look):
    seen = dict(days_seen(look, BERLIN).columns)

    assert seen["day"].tolist() == ["2026-03-02", "2026-03-03"]
    assert seen["energy_wh"].tolist() == [4700.0, 4800.0]
    assert seen["missing_slots"].tolist() == [1, 0]
    assert seen["quality"].tolist() == ["incomplete", "measured"]


def test_curves_are_cut_to_the_window_and_edits_are_named():
    service = judged()
    curves = service.curves([("m", "power_w"), ("m", "energy_import_wh")], START, START + DAY_MS)
    edit = QualityMark(MarkKind.EDITED, START, START + HALF_HOUR_MS, "typed wrong", edit_id=1)

    seen = dict(
        curves_seen(
            curves, {("m", "power_w"): (edit,)}, (START, START + 2 * HALF_HOUR_MS), BERLIN
        ).columns
    )

    assert seen["quantity"].tolist() == ["power_w"] * 2 + ["energy_import_wh"] * 2
    assert seen["unit"].tolist() == ["W", "W", "Wh", "Wh"]
    assert seen["quality"].tolist() == ["edited", "measured", "measured", "measured"]


def test_csv_excel_and_parquet_hold_the_same_rows(look, tmp_path):
    import openpyxl
    import pyarrow.parquet as pq

    seen = slots_seen(look, BERLIN)
    for ending in ("csv", "xlsx", "parquet"):
        exporting().export_seen(seen, tmp_path / f"seen.{ending}")

    with (tmp_path / "seen.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    book = openpyxl.load_workbook(tmp_path / "seen.xlsx")
    sheet = list(book["seen"].iter_rows(values_only=True))
    table = pq.read_table(tmp_path / "seen.parquet")
    assert len(rows) == len(sheet) - 1 == table.num_rows == 96
    assert rows[20]["value_w"] == "" and sheet[21][sheet[0].index("value_w")] is None
    assert rows[0]["time_utc"] == "2026-03-01T23:00:00Z"
    facts = dict(book["about"].iter_rows(values_only=True))
    assert facts["zone"] == "Europe/Berlin"
    assert table.schema.metadata[b"meter"] == b"Lathe"
    assert json.dumps(table.column("quality").to_pylist()[10:12]) == '["estimated", "estimated"]'


def test_nothing_to_export_and_a_wrong_ending_are_said(look, tmp_path):
    with pytest.raises(NotEnoughData):
        exporting().export_seen(SeenTable("Lathe", (), {}), tmp_path / "seen.csv")
    with pytest.raises(WrongUse, match="file type"):
        exporting().export_seen(slots_seen(look, BERLIN), tmp_path / "seen.doc")
    with pytest.raises(WrongUse, match="No PDF"):
        exporting().export_paper(a_paper(), tmp_path / "seen.pdf")
    assert list(tmp_path.iterdir()) == []


def test_a_paper_appears_whole(tmp_path):
    made = exporting(lambda paper: paper.title.encode()).export_paper(
        a_paper(), tmp_path / "seen.pdf"
    )

    assert made.path.read_bytes() == b"Lathe"


def a_paper():
    return HistoryPaper("Works", "Lathe", "", "", "Europe/Berlin", 0, 1, 0, (), (), ())
