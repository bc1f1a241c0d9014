"""How the columns are read: each guess can be corrected, and the sample follows at once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import cast
from zoneinfo import available_timezones

from PySide6.QtCore import Qt, QTimer, Signal
from PySide6.QtWidgets import (
    QCheckBox,
    QComboBox,
    QHBoxLayout,
    QScrollArea,
    QSizePolicy,
    QVBoxLayout,
    QWidget,
)

from energy_desktop.domain.errors import UserFacingError
from energy_desktop.domain.quantities import quantity
from energy_desktop.services.importing import (
    CsvLayout,
    FileLook,
    ReadRow,
    column_says,
    measurable,
    units_of,
)
from energy_desktop.ui.formatting import Formats
from energy_desktop.ui.views.desk.form import Form, whole
from energy_desktop.ui.widgets.panel import InlineNotice, Panel
from energy_desktop.ui.widgets.table import Cell, Column, Table

_NONE = "none"
_MEASURED = (
    ("", "what the column says"),
    ("energy_import_wh", "Energy, used (or its power)"),
    ("energy_export_wh", "Energy, sent back"),
)
_TIME_FORMATS = (
    ("", "ISO 8601, or 31.12.2026 23:45"),
    ("%d/%m/%Y %H:%M", "31/12/2026 23:45 (day first)"),
    ("%m/%d/%Y %H:%M", "12/31/2026 23:45 (month first)"),
    ("%d/%m/%Y %H:%M:%S", "31/12/2026 23:45:00 (day first)"),
    ("%m/%d/%Y %H:%M:%S", "12/31/2026 23:45:00 (month first)"),
    ("%d-%m-%Y %H:%M", "31-12-2026 23:45"),
    ("%d.%m.%y %H:%M", "31.12.26 23:45"),
    ("%m/%d/%Y %I:%M %p", "12/31/2026 11:45 PM"),
)
_VALUES = (
    ("auto", "told by the values"),
    ("per_step", "energy or power of each interval"),
    ("register", "readings of a counter"),
)
_STAMPS = (("start", "the start of its interval"), ("end", "the end of its interval"))
_MIDNIGHT = (("no", "the day that begins"), ("yes", "the day that ends"))
_SUMMER = (("yes", "follows summer time"), ("no", "standard time all year"))
_DECIMAL = ((".", "point (1234.5)"), (",", "comma (1234,5)"))
_WAIT_MS = 150


class ColumnsStep(QWidget):
    """`changed`: the layout is another one. `look_wanted`: sheet or header line is another one,
    so the file must be looked at again."""

    changed = Signal()
    look_wanted = Signal()

    def __init__(self, formats: Formats, site_zone: str) -> None:
        super().__init__()
        self._formats = formats
        self._site_zone = site_zone
        self._look: FileLook | None = None
        self._filling = False
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(_WAIT_MS)
        self._timer.timeout.connect(self.changed)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(12)
        self.form = Form()
        self.form.setMinimumWidth(380)
        row.addWidget(self.form, 5)
        row.addLayout(self._right_side(formats), 8)
        self._fields()

    def _right_side(self, formats: Formats) -> QVBoxLayout:
        right = QVBoxLayout()
        self.notice = InlineNotice("", "", tone=2, icon="help-circle-outline")
        self.notice.hide()
        right.addWidget(self.notice)
        self.panel = Panel("The first rows, and what they are read as")
        self.table: Table[tuple[ReadRow, str, str]] = Table(
            [
                Column("Line", lambda r: str(r[0].line), width=52, number=True),
                Column("Time", lambda r: r[1], width=150),
                Column("Value", lambda r: Cell(r[2]), stretch=2, number=True),
                Column(f"Read as, {formats.zone_name}", self._read_cell, stretch=6),
                Column("As", self._value_cell, stretch=2, number=True),
            ],
            key=lambda r: (r[0].line, r[0].meter_id),
            name="Sample rows",
        )
        self.panel.set_content(self.table)
        right.addWidget(self.panel, 1)
        return right

    def _fields(self) -> None:
        self.sheet = self._combo(())
        self.header = whole(0, 200, 1)
        self.time = self._combo(())
        self.clock = self._combo(())
        self.time_format = self._combo(_TIME_FORMATS)
        self.time_format.setEditable(True)
        self.values = QScrollArea()
        self.values.setWidgetResizable(True)
        self.values.setMaximumHeight(118)
        self.values.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.value_boxes: list[QCheckBox] = []
        known = {name for name, _ in _MEASURED}
        gauges = [(name, quantity(name).label) for name in measurable() if name not in known]
        self.measured = self._combo([*_MEASURED, *sorted(gauges, key=lambda g: g[1])])
        self.measured.currentIndexChanged.connect(self._on_measured)
        self.unit = self._combo([("", "choose")])
        self.kind = self._combo(_VALUES)
        self.meter = self._combo(())
        self.zone = self._combo([(name, name) for name in _zones(self._site_zone)])
        self.zone.setEditable(True)
        self.summer = self._combo(_SUMMER)
        self.stamp = self._combo(_STAMPS)
        self.midnight = self._combo(_MIDNIGHT)
        self.decimal = self._combo(_DECIMAL)
        self.sheet.currentIndexChanged.connect(self._on_place)
        self.header.valueChanged.connect(self._on_place)
        form = self.form
        form.add("sheet", "Sheet", self.sheet)
        form.add("header_line", "Names in line", self.header, "0: the file has no names.")
        form.add("time_column", "Time", self.time)
        form.add("clock_column", "Time of day", self.clock, "Where it stands apart from the date.")
        form.add("time_format", "Times are written", self.time_format)
        form.add("value_column", "Value", self.values, "Several: each column is a meter.")
        form.add("quantity", "Measures", self.measured)
        form.add("unit", "Unit", self.unit)
        form.add("values", "Values are", self.kind)
        form.add("meter_column", "Meter", self.meter, "Where one file holds several.")
        form.add("zone", "Clock of the stamps", self.zone)
        form.add("summer_time", "That clock", self.summer)
        form.add("stamp", "A stamp marks", self.stamp)
        form.add("midnight_ends", "00:00 belongs to", self.midnight)
        form.add("decimal", "Decimal", self.decimal)

    def _combo(self, entries: Sequence[tuple[str, str]]) -> QComboBox:
        box = QComboBox()
        for value, text in entries:
            box.addItem(text, value)
        box.currentIndexChanged.connect(self._on_edited)
        box.editTextChanged.connect(self._on_edited)
        return box

    # -------------------------------------------------------- showing

    def show_look(self, found: FileLook) -> None:
        """The guesses of a file, each with its reason, in the fields."""
        self._look = found
        self._filling = True
        layout, names = found.layout, found.columns
        _refill(self.sheet, [(name, name) for name in found.sheets], layout.sheet or "")
        self.form.show_row("sheet", len(found.sheets) > 1)
        self.header.setValue(layout.header_line)
        columns = [(name, name) for name in names]
        _refill(self.time, columns, layout.time_column or "")
        _refill(self.clock, [("", _NONE), *columns], layout.clock_column or "")
        _refill(self.meter, [("", _NONE), *columns], layout.meter_column or "")
        chosen = layout.value_columns or ((layout.value_column,) if layout.value_column else ())
        self._show_values([n for n in names if n != layout.time_column], chosen)
        _choose(self.time_format, layout.time_format or "")
        _choose(self.measured, layout.quantity or "")
        self._offer_units(layout.unit or "")
        _choose(self.kind, layout.values)
        _choose(self.zone, layout.zone or self._site_zone)
        _choose(self.summer, "yes" if layout.summer_time else "no")
        _choose(self.stamp, layout.stamp)
        _choose(self.midnight, "yes" if layout.midnight_ends else "no")
        _choose(self.decimal, layout.decimal or ".")
        told = dict(found.reasons)
        if "zone" in found.unsaid:
            told["zone"] = "The file does not say it: this is the clock of the site."
        captions = {
            "time_column": "Time",
            "time_format": "Times are written",
            "quantity": "Measures",
            "unit": "Unit",
            "meter_column": "Meter",
            "zone": "Clock of the stamps",
            "summer_time": "That clock",
            "stamp": "A stamp marks",
            "midnight_ends": "00:00 belongs to",
        }
        for key, caption in captions.items():
            reason = told.get(key, "")
            self.form.rename(key, caption, reason[:1].upper() + reason[1:])
        self._filling = False

    def _show_values(self, names: Sequence[str], chosen: Sequence[str]) -> None:
        holder = QWidget()
        column = QVBoxLayout(holder)
        column.setContentsMargins(6, 4, 6, 4)
        column.setSpacing(4)
        self.value_boxes = []
        for name in sorted(names, key=lambda name: name not in chosen):
            box = QCheckBox(name.replace("&", "&&"))
            box.setAccessibleName(name)
            box.setToolTip(name)
            box.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
            box.setChecked(name in chosen)
            box.toggled.connect(self._on_measured)
            box.toggled.connect(self._on_edited)
            column.addWidget(box)
            self.value_boxes.append(box)
        column.addStretch(1)
        self.values.setWidget(holder)

    def show_sample(self, rows: Sequence[ReadRow]) -> None:
        """What the sample rows are read as."""
        found = self._look
        if found is None:
            return
        self.form.tell({})
        self.notice.hide()
        layout = self.layout_chosen()
        at = {row.line: row.fields for row in found.rows}
        time, clock = _position(found, layout.time_column), _position(found, layout.clock_column)
        value = layout.value_column or (layout.value_columns[0] if layout.value_columns else None)
        shown = _position(found, value)
        said = []
        for row in rows:
            fields = at.get(row.line, ())
            when = " ".join(fields[k].strip() for k in (time, clock) if 0 <= k < len(fields))
            said.append((row, when, fields[shown].strip() if 0 <= shown < len(fields) else ""))
        self.table.show_rows(said, empty="No row can be read so.")
        self.panel.show_body()
        bad = sum(row.start_ms is None for row in rows)
        if bad:
            self.notice.set_text(
                f"{bad} of these {len(rows)} rows cannot be used.",
                "Their reasons stand beside them. Rows that have no value are left out.",
            )
            self.notice.show()
        elif "time_format" in found.unsaid and layout.time_format == found.layout.time_format:
            self.notice.set_text(
                "Day and month could be the other way round.",
                "Compare the first rows, and choose how the times are written.",
            )
            self.notice.show()

    def show_problem(self, error: UserFacingError) -> None:
        """What is still to be told before any row can be read."""
        self.table.show_rows([], empty=f"{error.what} {error.remedy}")
        self.notice.set_text(f"{error.what[:1].upper()}{error.what[1:]}", error.remedy)
        self.notice.show()

    # -------------------------------------------------------- answering

    def layout_chosen(self) -> CsvLayout:
        """The layout as the fields have it."""
        found = self._look
        start = CsvLayout() if found is None else found.layout
        values = tuple(box.accessibleName() for box in self.value_boxes if box.isChecked())
        return replace(
            start,
            sheet=_value(self.sheet) or None,
            header_line=self.header.value(),
            time_column=_value(self.time) or None,
            clock_column=_value(self.clock) or None,
            time_format=_value(self.time_format) or None,
            value_column=values[0] if len(values) == 1 else None,
            value_columns=values if len(values) > 1 else (),
            unit=_value(self.unit) or None,  # type: ignore[arg-type]
            values=_value(self.kind),  # type: ignore[arg-type]
            quantity=_value(self.measured) or None,
            meter_column=_value(self.meter) or None,
            zone=_value(self.zone) or None,
            summer_time=_value(self.summer) == "yes",
            stamp=_value(self.stamp),  # type: ignore[arg-type]
            midnight_ends=_value(self.midnight) == "yes",
            decimal=_value(self.decimal),  # type: ignore[arg-type]
        )

    def _measures(self) -> tuple[str, str]:
        """Quantity and unit by the choice, or by the name of the first chosen column."""
        name = next((b.accessibleName() for b in self.value_boxes if b.isChecked()), "")
        said, unit = column_says(name)
        chosen = _value(self.measured)
        return (chosen, unit if said == chosen else "") if chosen else (said, unit)

    def _offer_units(self, wanted: str) -> None:
        """The units of what is measured, with the wanted one, or else what the column says."""
        measured, said = self._measures()
        units = units_of(measured)
        entries = [("", "choose" if units else "its own"), *((unit, unit) for unit in units)]
        _refill(self.unit, entries, wanted if wanted in units else said)

    def _on_measured(self, *_: object) -> None:
        if not self._filling:
            self._filling = True
            self._offer_units(_value(self.unit))
            self._filling = False

    def _on_edited(self, *_: object) -> None:
        if not self._filling:
            self._timer.start()

    def _on_place(self, *_: object) -> None:
        if not self._filling:
            self.look_wanted.emit()

    # -------------------------------------------------------- cells

    def _read_cell(self, row: tuple[ReadRow, str, str]) -> Cell:
        read = row[0]
        if read.start_ms is None or read.end_ms is None:
            return Cell(read.problem, icon="alert-outline", icon_token="p2")
        day = self._formats.day(read.start_ms, weekday=False, year=True)
        ends = dict.fromkeys((read.start_ms, read.end_ms))  # one, where it is a moment
        times = "–".join(self._formats.clock_time(at) for at in ends)
        return Cell(f"{day}, {times}")

    def _value_cell(self, row: tuple[ReadRow, str, str]) -> Cell:
        read = row[0]
        if read.value is None:
            return Cell("–")
        if read.quantity.endswith("_wh"):
            return Cell(f"{self._formats.number(read.value / 1000, 3)} kWh")
        return Cell(f"{self._formats.number(read.value, 2)} {quantity(read.quantity).unit}")


def _zones(site_zone: str) -> list[str]:
    common = ["UTC", site_zone]
    places = sorted(z for z in available_timezones() if "/" in z and not z.startswith("Etc/"))
    return list(dict.fromkeys([*common, *places]))


def _refill(box: QComboBox, entries: Sequence[tuple[str, str]], value: str) -> None:
    box.clear()
    for one, text in entries:
        box.addItem(text, one)
    _choose(box, value)


def _choose(box: QComboBox, value: str) -> None:
    index = box.findData(value)
    if index >= 0:
        box.setCurrentIndex(index)
    elif box.isEditable():
        box.setEditText(value)


def _value(box: QComboBox) -> str:
    """The chosen entry, or what was typed."""
    text = box.currentText().strip()
    if box.isEditable() and box.itemText(box.currentIndex()) != text:
        index = box.findText(text)
        return cast("str", box.itemData(index)) if index >= 0 else text
    return cast("str", box.currentData()) or ""


def _position(found: FileLook, name: str | None) -> int:
    return found.columns.index(name) if name in found.columns else -1
