"""When energy was used and what changed.

One meter, one quantity, one period; carpet, curve, calendar, week and table are five looks at the
same slots. The chosen day stands beside its like, because a day alone cannot be judged. What is
dragged on the carpet or a curve becomes the period of every page.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path

from PySide6.QtCore import QStandardPaths, Qt
from PySide6.QtGui import QActionGroup
from PySide6.QtWidgets import QFileDialog, QHBoxLayout, QMenu, QSizePolicy, QVBoxLayout

from energy_desktop.domain.errors import UserFacingError
from energy_desktop.services.exporting import ExportedFile, ExportService
from energy_desktop.services.history import (
    Against,
    DayAgainstLike,
    HistoryLook,
    HistoryService,
    HistorySubject,
    QualityMark,
)
from energy_desktop.services.importing import ImportResult, ImportService
from energy_desktop.ui.views.base import BaseView, Subject, ViewContext
from energy_desktop.ui.views.history import output, words
from energy_desktop.ui.views.history.below import DayPanel, DurationPanel, TotalsPanel
from energy_desktop.ui.views.history.pickers import Pickers
from energy_desktop.ui.views.history.picture import PicturePanel
from energy_desktop.ui.widgets.marks import Figure, FigureRow
from energy_desktop.ui.widgets.panel import InlineNotice, Panel, button

_AGAINST = (
    (Against.BEFORE, "With the period before"),
    (Against.YEAR, "With the same weekdays a year before"),
    (Against.NOTHING, "With nothing"),
)


class HistoryView(BaseView):
    """Pickers above; key figures; the period's picture beside the chosen day; duration; totals."""

    view_id = "history"
    title = "History"

    def __init__(
        self,
        context: ViewContext,
        history: HistoryService,
        exporting: ExportService,
        importing: ImportService | None = None,
    ) -> None:
        super().__init__(context)
        self._importing = importing
        self._history = history
        self._exporting = exporting
        self._look: HistoryLook | None = None
        self._against = Against.BEFORE
        self._own_choice = False
        self.pickers = Pickers(self.formats)
        self.pickers.changed.connect(self._read)
        self.pickers.day_wanted.connect(self._on_day_wanted)
        if importing is not None:
            self.import_button = button(
                "Import", self.import_readings, icon="file-upload-outline",
                tooltip="Readings from files: what is missing here may be in one",
            )  # fmt: skip
            self.pickers.add_at_end(self.import_button)
        self.body.addWidget(self.pickers)
        self.notice_box = QVBoxLayout()
        self.body.addLayout(self.notice_box)
        self.facts_panel = Panel(margins=8)
        self.figures = FigureRow()
        self.facts_panel.set_content(self.figures)
        self.facts_panel.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Maximum)
        self.body.addWidget(self.facts_panel)
        self.picture = PicturePanel(self.formats, history, self.load)
        self.day_panel = DayPanel(self.formats)
        self.duration_panel = DurationPanel(self.formats)
        self.totals_panel = TotalsPanel(self.formats)
        self._connect()
        self._under = QHBoxLayout()
        for line, stretch, row in (
            (QHBoxLayout(), 7, ((self.picture, 8), (self.day_panel, 5))),
            (self._under, 5, ((self.duration_panel, 6), (self.totals_panel, 7))),
        ):
            line.setSpacing(8)
            for panel, share in row:
                panel.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
                line.addWidget(panel, share)
            self.body.addLayout(line, stretch)
        self._arrange()
        self.add_page_action("Compare", "compare-horizontal", self._open_compare)
        self.add_page_action("Export", "download", self.export)

    def _connect(self) -> None:
        self.picture.look_changed.connect(self._on_look)
        self.picture.day_chosen.connect(self._read_day)
        self.picture.quality_wanted.connect(self._open_quality)
        self.picture.carpet.period_selected.connect(self._select)
        self.picture.curves.period_selected.connect(self._select)
        self.picture.curves.mark_chosen.connect(self._show_mark)
        self.picture.curves.changed.connect(self._arrange)
        self.picture.curves.said.connect(lambda text: self._say(text, "", 3))
        self.day_panel.chart.clicked.connect(self._on_day_clicked)

    def _arrange(self) -> None:
        """Curves want the whole width; the other looks stand beside the chosen day."""
        curve = self.picture.choice.value == "curve"
        for panel in (self.day_panel, self.duration_panel, self.totals_panel):
            panel.setVisible(not curve)
        self.body.setStretchFactor(self._under, 0 if curve else 5)
        # With several curves their table says for each what the figures say of one.
        self.facts_panel.setVisible(not curve or len(self.picture.curves.shown.keys) < 2)

    # -------------------------------------------------------- choosing

    def reload(self) -> None:
        self.load(self._history.subjects, self.show_subjects, panel=self.picture, title="History")

    def show_subjects(self, subjects: tuple[HistorySubject, ...]) -> None:
        """Fills the pickers and reads the chosen meter."""
        subject = self.navigation.subject
        self.pickers.show_subjects(subjects, subject.meter_id)
        self.picture.curves.show_subjects(subjects)
        self.picture.choice.setEnabled(bool(subjects))
        if not subjects:
            for panel in (self.facts_panel, self.day_panel, self.duration_panel, self.totals_panel):
                panel.hide()
            self.set_answer("Nothing is stored yet.")
            self.picture.show_empty(
                "No meter has readings yet. The first curve appears a minute after a meter "
                "was added; older readings can be imported.",
                icon="calendar-clock",
                buttons=[
                    ("Open Meters", lambda: self.navigation.go("meters")),
                    *([("Import readings", self.import_readings)] if self._importing else []),
                ],
            )
            return
        self._arrange()
        if subject.start_ms is not None and subject.end_ms is not None:
            self.pickers.take_period(subject.start_ms, subject.end_ms)
        elif self.pickers.period is None:
            self.pickers.take_span(self.pickers.span.value)
        self._read()

    def on_subject_changed(self, subject: Subject) -> None:
        if self._own_choice or self.pickers.subject is None:
            return
        self.pickers.choose_meter(subject.meter_id)
        if subject.start_ms is not None and subject.end_ms is not None:
            self.pickers.take_period(subject.start_ms, subject.end_ms)
        self._read()

    def on_shown(self) -> None:
        if self._look is not None:
            self.on_subject_changed(self.navigation.subject)

    def focus_filter(self) -> None:
        self.pickers.focus()

    def _on_day_wanted(self) -> None:
        """One day is a curve; as a carpet it would be one stripe."""
        self.picture.choice.set_value("curve")
        self._arrange()

    def _on_look(self, _: str) -> None:
        self._arrange()

    def _select(self, start_ms: int, end_ms: int) -> None:
        """A drag: this period, here and on every page."""
        self.pickers.take_period(int(start_ms), int(end_ms))
        self._read()

    # -------------------------------------------------------- reading

    def _read(self) -> None:
        subject, name = self.pickers.subject, self.pickers.quantity_name
        if subject is None or name is None or self.pickers.period is None:
            return
        start, end = self.pickers.period
        meter_id = subject.meter.meter_id
        self._own_choice = True
        self.navigation.choose(meter_id=meter_id, period_ms=(start, end))
        self._own_choice = False
        if self.picture.choice.value == "curve":
            self.picture.curves.begin((meter_id, name), start, end)
        self.load(
            partial(self._history.look, meter_id, name, start, end, self._against),
            self.show_look,
            panels=(self.picture, self.facts_panel, self.duration_panel, self.totals_panel),
            title="History",
            on_error=self._show_failure,
            key="look",
        )

    def _show_failure(self, error: UserFacingError) -> None:
        self.set_answer(error.what)
        self.picture.show_error(error, retry=self._read)
        for panel in (self.duration_panel, self.totals_panel, self.day_panel):
            panel.show_empty(error.what)
        self.figures.show_figures([Figure("Measured", "–", "", error.what)])

    def show_look(self, look: HistoryLook) -> None:
        """Everything but the chosen day."""
        self._look = look
        scale = words.scale_of(self.formats, look)
        self.figures.show_figures(words.figures(self.formats, look, scale))
        self.picture.show_look(look, scale)
        self.duration_panel.show_look(look, scale)
        self.totals_panel.show_look(look)
        self.set_answer(words.sentence(self.formats, look))
        days = len(look.carpet.day_start_ms)
        last_whole = max(0, days - 2) if days > 1 else 0
        self.picture.choose_day(last_whole)
        self._read_day(last_whole)

    def _read_day(self, index: int) -> None:
        look = self._look
        if look is None:
            return
        self.load(
            partial(
                self._history.day,
                look.subject.meter.meter_id,
                look.quantity,
                look.carpet.day_start_ms[index],
            ),
            self.show_day,
            panel=self.day_panel,
            title="The chosen day",
        )

    def show_day(self, day: DayAgainstLike) -> None:
        """The chosen day beside its like weekdays."""
        look = self._look
        name = look.quantity if look is not None else "power_w"
        scale = words.scale_of(self.formats, look) if look else self.formats.scale("W")
        self.day_panel.show_day(day, name, scale)

    # -------------------------------------------------------- quality

    def _on_day_clicked(self, x: float) -> None:
        mark = self.day_panel.mark_at(x)
        if mark is not None:
            self._show_mark(mark)

    def _show_mark(self, mark: QualityMark) -> None:
        """What is known of a stretch, and the way to where it can be put right."""
        self._say(
            words.mark_what(self.formats, mark),
            words.mark_more(self.formats, mark),
            0,
            ("Open in Data quality", partial(self._open_quality, mark)),
        )

    def _open_quality(self, mark: QualityMark | None) -> None:
        look = self._look
        if look is None:
            return
        period = (look.start_ms, look.end_ms) if mark is None else (mark.start_ms, mark.end_ms)
        item = "" if mark is None or mark.edit_id is None else f"edit:{mark.edit_id}"
        self.hide_notice()
        self._own_choice = True
        self.navigation.choose(period_ms=period)
        self._own_choice = False
        self.navigation.go("quality", meter_id=look.subject.meter.meter_id, item_id=item)

    # -------------------------------------------------------- import

    def import_readings(self) -> None:
        """The wizard, from the file to what came of it; then the history with it."""
        if self._importing is None:
            return
        from energy_desktop.ui.views.import_wizard.dialog import ImportWizard

        self.wizard = ImportWizard(self, self.context, self._importing)
        self.wizard.imported.connect(self._on_imported)
        self.wizard.open()
        self.wizard.choose()

    def _on_imported(self, results: tuple[ImportResult, ...]) -> None:
        from energy_desktop.ui.views.import_wizard.result_step import import_sentence

        self._say("Imported.", import_sentence(self.formats, results), 0)
        self.reload_changed()

    # -------------------------------------------------------- compare

    def _open_compare(self) -> None:
        menu = QMenu(self)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        group = QActionGroup(menu)
        for against, text in _AGAINST:
            action = menu.addAction(text)
            action.setCheckable(True)
            action.setChecked(against is self._against)
            action.triggered.connect(partial(self.compare_with, against))
            group.addAction(action)
        menu.addSeparator()
        menu.addAction("With another meter or quantity", self._open_adding)
        corner = self.mapToGlobal(self.rect().topRight())
        corner.setX(corner.x() - menu.sizeHint().width())
        menu.popup(corner)

    def compare_with(self, against: Against, _: bool = True) -> None:
        """Holds the period against another one."""
        self._against = against
        self._read()

    def _open_adding(self) -> None:
        self.show_as("curve")
        self.picture.curves.add_meter.setFocus(Qt.FocusReason.OtherFocusReason)

    def show_as(self, choice: str) -> None:
        """Carpet, curve, calendar, week or table."""
        self.picture.choice.set_value(choice)
        self.picture.show_choice()
        self._arrange()

    # -------------------------------------------------------- export

    def export(self) -> None:
        self._ask_for_file(output.FILTERS, "csv")

    def print_pdf(self) -> None:
        self._ask_for_file(output.FILTERS[-1:], "pdf")

    def _ask_for_file(self, filters: tuple[str, ...], ending: str) -> None:
        look = self._look
        if look is None:
            return
        folder = QStandardPaths.writableLocation(QStandardPaths.StandardLocation.DocumentsLocation)
        day = self.formats.local(look.start_ms).strftime("%Y-%m-%d")
        name = f"{look.subject.meter.meter_id}-{look.quantity}-{self.picture.choice.value}-{day}"
        dialog = QFileDialog(self, "Export what is seen", folder)
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.setAcceptMode(QFileDialog.AcceptMode.AcceptSave)
        dialog.setNameFilters(list(filters))
        dialog.selectFile(f"{name}.{ending}")
        dialog.setDefaultSuffix(ending)
        dialog.filterSelected.connect(
            lambda chosen: dialog.setDefaultSuffix(chosen.rpartition(".")[2].rstrip(")"))
        )
        dialog.fileSelected.connect(lambda chosen: self.export_to(Path(chosen)))
        dialog.open()

    def export_to(self, out: Path) -> None:
        """Writes what is seen; the name's ending says as what."""
        look = self._look
        if look is None:
            return
        choice, curves = self.picture.choice.value, self.picture.curves
        if out.suffix.lower() == ".png":
            self._export_picture(look, out)
            return
        if out.suffix.lower() == ".pdf":
            site = partial(self._history.site_name)
            make = partial(
                output.paper_of, look, choice, curves.shown, curves.chart.x_range, self.formats
            )
            self._write(lambda: self._exporting.export_paper(make(site()), out), out)
            return
        seen = output.seen_table(look, choice, curves.shown, curves.chart.x_range, self.formats)
        self._write(partial(self._exporting.export_seen, seen, out), out)

    def _export_picture(self, look: HistoryLook, out: Path) -> None:
        # A widget can be painted only here, in the GUI thread; it takes a few milliseconds.
        window = (look.start_ms, look.end_ms)
        if self.picture.choice.value == "curve":
            low, high = self.picture.curves.chart.x_range
            window = (round(low * 1000), round(high * 1000))
        picture = self.picture.stack.currentWidget()
        assert picture is not None
        try:
            output.save_picture(
                picture,
                f"{self._history_title(look)}: {words.sentence(self.formats, look)}",
                output.caption_of(self.formats, look, window),
                out,
            )
        except UserFacingError as error:
            self._say(error.what, f"{error.where} {error.remedy}", 2)
            return
        self._say("Exported the picture.", str(out), 0)

    def _history_title(self, look: HistoryLook) -> str:
        return look.subject.meter.name

    def _write(self, work: Callable[[], ExportedFile], out: Path) -> None:
        self.load(
            work,
            self.show_exported,
            key="export",
            title=f"Export to {out.name}",
            on_error=lambda error: self._say(error.what, f"{error.where} {error.remedy}", 2),
        )

    def show_exported(self, made: ExportedFile) -> None:
        if made.path.suffix.lower() == ".pdf":
            self._say("Exported the paper.", str(made.path), 0)
            return
        self._say(
            f"Exported {self.formats.count(made.rows)} rows.",
            " ".join((f"{made.path}: {', '.join(made.columns)}.", *made.notes)),
            0,
        )

    # -------------------------------------------------------- notices

    def hide_notice(self) -> None:
        while (item := self.notice_box.takeAt(0)) is not None:
            widget = item.widget()
            if widget is not None:
                widget.hide()
                widget.deleteLater()

    def _say(
        self, what: str, where: str, tone: int, *buttons: tuple[str, Callable[[], object]]
    ) -> None:
        self.hide_notice()
        notice = InlineNotice(
            what, where, tone=tone, buttons=[*buttons, ("Close", self.hide_notice)]
        )
        self.notice_box.addWidget(notice)
