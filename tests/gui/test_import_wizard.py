"""The import wizard over a real store: what is seen is what is stored, and what was replaced
comes back."""

from dataclasses import replace
from datetime import UTC, datetime

import numpy as np
import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QLabel

from energy_desktop.domain.energy import IntervalQuality, Intervals
from energy_desktop.domain.errors import JobCancelled
from energy_desktop.services.importing import Change, ImportService
from energy_desktop.storage import WriterOptions, open_store
from energy_desktop.ui.views.import_wizard.dialog import STEPS, ImportWizard

START_MS = 1_772_323_200_000  # 2026-03-01 00:00 UTC
HOUR_MS = 3_600_000
REGISTER = "energy_import_wh"


@pytest.fixture
def store(tmp_path):
    made = open_store(
        tmp_path / "site.db",
        engine_owner="tests",
        clock=lambda: datetime(2026, 4, 1, tzinfo=UTC),
        writer_options=WriterOptions(busy_ms=5_000),
    )
    yield made
    made.close()


@pytest.fixture
def service(store):
    clock = lambda: datetime(2026, 4, 1, tzinfo=UTC)  # noqa: E731
    return ImportService(
        store.configuration, store.ledger, store.editing, clock, "M. Kowalczyk",
        store.history, store.gauges,
    )  # fmt: skip


@pytest.fixture
def wizard(qtbot, context, service):
    made = ImportWizard(None, context, service)
    qtbot.addWidget(made)
    made.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose, False)
    made.show()
    yield made
    made.close()


def a_file(tmp_path, values, name="roof.csv"):
    path = tmp_path / name
    rows = [f"{1 + k // 24:02d}/03/2026 {k % 24:02d}:00;{value:.3f}".replace(".", ",")
            for k, value in enumerate(values)]  # fmt: skip
    path.write_text("\n".join(["When;Used kWh", *rows]) + "\n")
    return path


def at_step(qtbot, wizard, name):
    qtbot.waitUntil(lambda: STEPS[wizard.step] == name, timeout=10_000)


def through_to_preview(qtbot, wizard, path):
    wizard.open_files([path])
    at_step(qtbot, wizard, "Columns")
    qtbot.waitUntil(lambda: wizard.columns.table.model().rowCount() > 0)
    wizard.next()
    at_step(qtbot, wizard, "Meters")
    wizard.next()
    at_step(qtbot, wizard, "Preview")


def test_a_file_goes_all_the_way_and_nothing_is_stored_before_it_was_seen(
    qtbot, wizard, store, tmp_path
):
    path = a_file(tmp_path, [1.5] * 72)

    through_to_preview(qtbot, wizard, path)

    assert store.ledger.registers("roof") == ()
    assert "72 intervals" in wizard.next_button.text()
    wizard.next()
    at_step(qtbot, wizard, "Result")
    # 1 March, 00:00 in Berlin is 23:00 in UTC.
    found = store.ledger.intervals("roof", START_MS - HOUR_MS, START_MS + 71 * HOUR_MS)
    assert found.energy_wh.tolist() == [1500.0] * 72
    assert "72 of 72 rows stored" in wizard.outcome.sentence.text()


def test_guesses_are_shown_and_can_be_corrected(qtbot, wizard, tmp_path):
    path = a_file(tmp_path, [1.5, 2.0, 2.5] * 20)
    wizard.open_files([path])
    at_step(qtbot, wizard, "Columns")

    layout = wizard.columns.layout_chosen()
    assert (layout.time_column, layout.value_column, layout.unit) == ("When", "Used kWh", "kWh")
    assert (layout.decimal, layout.zone, layout.stamp) == (",", "Europe/Berlin", "start")
    wizard.columns.stamp.setCurrentIndex(1)
    wizard.columns.unit.setCurrentIndex(wizard.columns.unit.findData("Wh"))

    def first():
        return wizard.columns.table.model().index(0, 4).data()

    qtbot.waitUntil(lambda: first() == "0.002 kWh", timeout=3_000)
    assert "00:00" in wizard.columns.table.model().index(0, 3).data()
    assert wizard.columns.layout_chosen().stamp == "end"


def test_a_correction_asks_for_its_reason_and_can_be_taken_back(
    qtbot, wizard, store, service, tmp_path
):
    starts = START_MS - HOUR_MS + np.arange(72, dtype=np.int64) * HOUR_MS
    quality = np.full(72, IntervalQuality.RAW, np.int8)
    quality[10:20] = IntervalQuality.ESTIMATED
    before = Intervals("roof", REGISTER, 3600, starts, np.full(72, 1000.0), quality)
    service._know(["roof"])
    store.ledger.add_intervals(before)
    values = [1.0] * 72
    values[12], values[40] = 3.0, 4.0
    through_to_preview(qtbot, wizard, a_file(tmp_path, values))

    (seen,) = wizard._previews
    assert seen.changes[Change.ESTIMATED] == 10
    assert seen.changes[Change.MEASURED] == 1
    assert seen.changes[Change.EQUAL] == 61
    assert not wizard.next_button.isEnabled()
    wizard.preview.reason.setText("profile read on site")
    assert wizard.next_button.isEnabled()
    wizard.next()
    at_step(qtbot, wizard, "Result")

    span = (int(starts[0]), int(starts[-1]) + HOUR_MS)
    now = store.ledger.intervals("roof", *span)
    assert now.energy_wh[12] == 3000
    assert now.energy_wh[40] == 1000  # measured: not to be replaced
    (edit,) = store.editing.edits("roof", *span)
    assert (edit.by, edit.reason, edit.intervals) == ("M. Kowalczyk", "profile read on site", 10)
    wizard.undo()
    qtbot.waitUntil(lambda: "stands again" in wizard.outcome.sentence.text())
    again = store.ledger.intervals("roof", *span)
    assert again.energy_wh.tolist() == before.energy_wh.tolist()
    assert again.quality.tolist() == quality.tolist()


def test_what_cannot_be_read_is_told_on_the_spot(qtbot, wizard, tmp_path):
    path = tmp_path / "bad.csv"
    path.write_bytes(b"a,b\n1,\x00\n")

    wizard.open_files([path])

    qtbot.waitUntil(lambda: wizard.panel.state == "error")
    assert STEPS[wizard.step] == "File"


def test_a_cancelled_import_says_so_and_goes_on_where_it_was(
    qtbot, wizard, service, tmp_path, monkeypatch
):
    through_to_preview(qtbot, wizard, a_file(tmp_path, [1.5] * 72))

    def cancelled(*_, **__):
        raise JobCancelled(where="Storing", what="stopped by you.", remedy="")

    monkeypatch.setattr(service, "apply", cancelled)
    wizard.next()

    qtbot.waitUntil(lambda: "Cancelled" in wizard.answer.text())
    assert STEPS[wizard.step] == "Preview"
    assert wizard.next_button.isEnabled()


def test_a_file_of_the_same_columns_is_read_as_the_last_one(qtbot, wizard, service, tmp_path):
    through_to_preview(qtbot, wizard, a_file(tmp_path, [1.5] * 72))

    found = service.look(a_file(tmp_path, [2.5] * 48, "next.csv"))

    assert found.layout.zone == "Europe/Berlin"
    assert found.unsaid == ()
    assert replace(found.layout, zone=None) == replace(wizard.columns.layout_chosen(), zone=None)


def words_of(widget):
    return " ".join(label.text() for label in widget.findChildren(QLabel))


def test_a_temperature_goes_in_as_readings_and_never_as_energy(qtbot, wizard, store, tmp_path):
    rows = [f"{1 + k // 24:02d}/03/2026 {k % 24:02d}:00,{5 + k % 7},{20 + k % 3}"
            for k in range(72)]  # fmt: skip
    path = tmp_path / "station.csv"
    path.write_text("\n".join(["When,Outside temp,Used kWh", *rows]) + "\n")
    wizard.open_files([path])
    at_step(qtbot, wizard, "Columns")
    boxes = {box.accessibleName(): box for box in wizard.columns.value_boxes}
    boxes["Outside temp"].setChecked(True)
    boxes["Used kWh"].setChecked(False)
    assert wizard.columns.unit.currentData() == ""  # the column does not say it
    qtbot.waitUntil(lambda: "does not say its unit" in words_of(wizard.columns.notice))

    units = [wizard.columns.unit.itemData(k) for k in range(wizard.columns.unit.count())]
    assert units == ["", "C", "F", "K"]
    wizard.columns.unit.setCurrentIndex(1)
    qtbot.waitUntil(lambda: wizard.columns.table.model().index(0, 4).data() == "5.00 °C")
    wizard.next()
    at_step(qtbot, wizard, "Meters")
    wizard.next()
    at_step(qtbot, wizard, "Preview")
    assert wizard.next_button.text() == "Import 72 readings"
    assert "Mean temperature a day, °C: station" in words_of(wizard.preview.panel)
    wizard.next()
    at_step(qtbot, wizard, "Result")

    assert store.ledger.registers("station") == ()
    kept = store.history.raw("station", "temperature_c", 0, 1 << 60)
    assert kept.values.tolist() == [5 + k % 7 for k in range(72)]
