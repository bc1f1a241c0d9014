"""From the History page into the import wizard, and back with what the file brought."""

from datetime import UTC, datetime

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QLabel

from energy_desktop.services.exporting import ExportService
from energy_desktop.services.history import HistoryService
from energy_desktop.services.importing import ImportService
from energy_desktop.storage import open_store
from energy_desktop.ui.views.history.page import HistoryView
from energy_desktop.ui.views.import_wizard.dialog import STEPS


def clock():
    return datetime(2026, 3, 20, tzinfo=UTC)


@pytest.fixture
def view(qtbot, context, tmp_path):
    context.formats.clock = clock
    store = open_store(tmp_path / "site.db", engine_owner="tests", clock=clock)
    importing = ImportService(
        store.configuration, store.ledger, store.editing, clock, "M. Kowalczyk",
        store.history, store.gauges,
    )  # fmt: skip
    history = HistoryService(store.history, store.ledger, store.configuration, clock, store.editing)
    exporting = ExportService(store.history, store.ledger, store.configuration, None)
    made = HistoryView(context, history, exporting, importing)
    made.resize(1180, 640)
    qtbot.addWidget(made)
    made.show()
    made.shown()
    yield made
    made.wizard.close()
    store.close()


def test_a_file_is_imported_from_the_history_and_seen_there(qtbot, view, tmp_path, monkeypatch):
    rows = [f"2026-03-{1 + k // 24:02d} {k % 24:02d}:00,{0.5 + k % 3}" for k in range(240)]
    path = tmp_path / "roof.csv"
    path.write_text("\n".join(["time_utc,energy_kwh", *rows]) + "\n")
    qtbot.waitUntil(lambda: view.answer == "Nothing is stored yet.")
    chosen = "energy_desktop.ui.views.import_wizard.dialog.choose_files"
    monkeypatch.setattr(chosen, lambda _, __, ___, then, **____: then([path]))

    qtbot.mouseClick(view.import_button, Qt.MouseButton.LeftButton)
    for name in ("Columns", "Meters", "Preview"):
        qtbot.waitUntil(lambda name=name: STEPS[view.wizard.step] == name, timeout=10_000)
        qtbot.waitUntil(view.wizard.next_button.isEnabled)
        view.wizard.next()
    qtbot.waitUntil(lambda: STEPS[view.wizard.step] == "Result", timeout=10_000)

    qtbot.waitUntil(lambda: view.pickers.subject is not None, timeout=10_000)
    assert view.pickers.subject.meter.meter_id == "roof"
    qtbot.waitUntil(lambda: "kWh" in view.answer, timeout=10_000)
    notice = view.notice_box.itemAt(0).widget()
    said = " ".join(label.text() for label in notice.findChildren(QLabel))
    assert "240 of 240 rows stored" in said
