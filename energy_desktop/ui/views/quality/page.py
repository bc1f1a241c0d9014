"""Which energy is believed, what is missing, what was done about it, and by whom.

At the left the meters and the gaps of the chosen one, with cause. At the right its energy raw,
validated and estimated side by side, the sums against the register, and below what can be done:
correct a span, undo, see every sum, see the issued invoices that a correction made wrong.

A page of its own, not a part of History: History asks when energy is used, and every part of it
reads; this one asks whether a figure may be believed, and writes.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path

from PySide6.QtWidgets import QHBoxLayout, QStackedWidget, QVBoxLayout

from energy_desktop.domain.clock import ClockJump
from energy_desktop.domain.editing import Edit, EditPreview
from energy_desktop.domain.invoice import InvoiceCorrection
from energy_desktop.services.data_quality import MeterQuality, QualityLook
from energy_desktop.ui.views.base import BaseView, Subject, ViewContext
from energy_desktop.ui.views.desk.choose_file import choose_target
from energy_desktop.ui.views.desk.notices import Notices
from energy_desktop.ui.views.quality import words
from energy_desktop.ui.views.quality.correction import ESTIMATE, CorrectionPanel
from energy_desktop.ui.views.quality.deeds_list import Deed, DeedList
from energy_desktop.ui.views.quality.exchanges import EXCHANGE_ITEM, Exchanges
from energy_desktop.ui.views.quality.lists import DoubtList, MeterList
from energy_desktop.ui.views.quality.parts import QualityServices
from energy_desktop.ui.views.quality.period import MONTH, YEAR, PeriodChoice
from energy_desktop.ui.views.quality.picture_panel import SPAN, PicturePanel
from energy_desktop.ui.views.quality.proofs import CorrectableInvoices, SumsTable
from energy_desktop.ui.views.quality.words import Doubt
from energy_desktop.ui.widgets.panel import InlineNotice, Panel
from energy_desktop.ui.widgets.segmented import Segmented

CORRECT, DEEDS, SUMS, INVOICES = "correct", "deeds", "sums", "invoices"
_HOUR_MS = 3_600_000


class QualityView(BaseView):
    """Meters, gaps, picture and deeds over a month or a year."""

    view_id = "quality"
    title = "Data quality"
    follows_energy = True

    def __init__(self, context: ViewContext, services: QualityServices) -> None:
        super().__init__(context)
        self._services = services
        self._chosen = ""
        self._register = ""
        self._look: QualityLook | None = None
        self._period_is_new = True
        self._is_own_choice = True  # of the page; a person's stays when the period changes
        self._wanted: tuple[int, int] | None = None  # a span that another page asked for
        self._invoices = 0
        self.notices = Notices()
        self.body.addLayout(self.notices)
        self.clock_notice = InlineNotice("", "", tone=3, icon="clock-alert-outline")
        self.clock_notice.hide()
        self.body.addWidget(self.clock_notice)
        self.exchanges: Exchanges | None = None
        if services.exchanges is not None:
            self.exchanges = Exchanges(self, services.exchanges, services.quality, self.notices)
        row = QHBoxLayout()
        self.period = PeriodChoice(self.formats)
        self.period.changed.connect(self._on_period)
        row.addWidget(self.period)
        row.addStretch(1)
        self.body.addLayout(row)
        columns = QHBoxLayout()
        columns.setSpacing(8)
        columns.addLayout(self._left_side(), 10)
        columns.addLayout(self._right_side(), 17)
        self.body.addLayout(columns, 1)
        if services.editing is not None:
            self.add_page_action("Estimate all gaps", "auto-fix", self.estimate_all)
        if services.exchanges is not None:
            self.add_page_action(
                "Enter meter exchange", "meter-electric-outline", self.open_exchange
            )

    def _left_side(self) -> QVBoxLayout:
        left = QVBoxLayout()
        left.setSpacing(8)
        self.meters = MeterList(self.formats)
        self.meters.meter_chosen.connect(self._on_meter)
        self.doubts = DoubtList(self.formats)
        self.doubts.doubt_chosen.connect(self._on_doubt)
        left.addWidget(self.meters, 4)
        left.addWidget(self.doubts, 5)
        return left

    def _right_side(self) -> QVBoxLayout:
        right = QVBoxLayout()
        right.setSpacing(8)
        self.picture = PicturePanel(self.formats)
        self.picture.span_selected.connect(self.choose_span)
        self.picture.register_chosen.connect(self._on_register)
        right.addWidget(self.picture, 10)
        self.deeds_panel = Panel("Correct")
        self.side = Segmented(self._sides(), name="Below the chart")
        self.side.changed.connect(self.show_side)
        self.deeds_panel.add_header_widget(self.side)
        self.pages = QStackedWidget()
        self.deeds = DeedList(self.formats)
        self.deeds.chosen.connect(self._on_deed)
        self.deeds.undo_wanted.connect(self.undo)
        if self.exchanges is not None:
            self.deeds.removal_wanted.connect(self.exchanges.ask_removal)
            self.deeds.confirmation_wanted.connect(self.exchanges.ask_confirmation)
            self.deeds.photo_wanted.connect(self.exchanges.open_photo)
        self.sums = SumsTable(self.formats)
        self.sums.chosen.connect(lambda c: self.choose_span(c.start_ms, c.end_ms))
        self.invoices = CorrectableInvoices(self.formats)
        self.invoices.opened.connect(self._open_invoice)
        editing = self._services.editing
        self.correction: CorrectionPanel | None = None
        if editing is None:
            no_right = Panel(margins=0)
            no_right.show_no_right(self._services.role_needed)
            self.pages.addWidget(no_right)
        else:
            self.correction = CorrectionPanel(self, editing)
            self.correction.span_changed.connect(self._on_typed_span)
            self.correction.previewed.connect(self._on_preview)
            self.correction.applied.connect(self._on_applied)
            self.pages.addWidget(self.correction)
        for page in (self.deeds, self.sums, self.invoices):
            self.pages.addWidget(page)
        self.deeds_panel.set_content(self.pages)
        right.addWidget(self.deeds_panel, 11)
        return right

    def _sides(self) -> tuple[tuple[str, str], ...]:
        done = 0 if self._look is None else len(self._look.edits) + len(self._look.events)
        return (
            (CORRECT, "Correct"),
            (DEEDS, f"Corrections {done}" if done else "Corrections"),
            (SUMS, "Sums"),
            (INVOICES, f"Invoices {self._invoices}" if self._invoices else "Invoices"),
        )

    # -------------------------------------------------------- reading

    def on_first_shown(self) -> None:
        self._take_subject(self.navigation.subject)
        self.reload()

    def on_subject_changed(self, subject: Subject) -> None:
        self._take_subject(subject)
        if subject.meter_id and subject.meter_id != self._chosen:
            self._on_meter(subject.meter_id)
            self.meters.table.choose(subject.meter_id)

    def on_shown(self) -> None:
        subject = self.navigation.subject
        self.on_subject_changed(subject)
        if subject.item_id == EXCHANGE_ITEM:
            self.navigation.choose(item_id="")
            self.open_exchange()

    def _take_subject(self, subject: Subject) -> None:
        """The meter and the period that came along, when a page was left for this one."""
        if subject.meter_id and not self._chosen:
            self._chosen, self._is_own_choice = subject.meter_id, False
        if subject.start_ms is None or subject.end_ms is None:
            return
        span = (subject.start_ms, subject.end_ms)
        if span == self._wanted:
            return
        self._wanted = span
        long = span[1] - span[0] > 45 * 24 * _HOUR_MS
        before = self.period.bounds_ms
        self.period.show_moment((span[0] + span[1]) // 2, YEAR if long else MONTH)
        if self.period.bounds_ms != before and self._look is not None:
            self._on_period()

    def reload(self) -> None:
        """Meters, then the chosen one; and the invoices, which depend on all of them."""
        start_ms, end_ms = self.period.bounds_ms
        quality = self._services.quality
        self.load_long(
            lambda progress: quality.meters(start_ms, end_ms, progress),
            self.show_meters,
            panel=self.meters,
            title="Data quality",
        )
        self.load(
            partial(quality.clock_jumps, start_ms, end_ms),
            self.show_clock_jumps,
            key="clock",
            on_error=self.notices.tell,
        )
        self.load(
            self._services.corrections,
            self.show_invoices,
            key="invoices",
            on_error=self.notices.tell,
        )

    def show_meters(self, rows: Sequence[MeterQuality]) -> None:
        """The list and the page's answer; then the chosen meter is looked at."""
        self.set_answer(words.answer(rows, self.formats))
        if not rows:
            self.meters.show_empty(
                "No meters yet.",
                icon="meter-electric-outline",
                buttons=[("Open Meters", lambda: self.navigation.go("meters"))],
            )
            self.doubts.show_empty("The gaps of the chosen meter stand here.")
            self.picture.show_empty("The energy of the chosen meter is drawn here.")
            return
        self.meters.show_meters(rows, keep_order=not self._period_is_new)
        open_gaps = {r.meter.meter_id: r.gaps for r in rows}
        may_move = self._is_own_choice and self._period_is_new
        if not open_gaps.get(self._chosen, 0) and (may_move or self._chosen not in open_gaps):
            self._chosen = next((r.meter.meter_id for r in rows if r.intervals), "")
            self._chosen = self._chosen or rows[0].meter.meter_id
        self._period_is_new = False
        self.meters.table.choose(self._chosen)
        self.read_look()

    def show_clock_jumps(self, jumps: Sequence[ClockJump]) -> None:
        """Why hours of the period may look strange; nothing where the clock was never set."""
        self.clock_notice.setVisible(bool(jumps))
        if jumps:
            self.clock_notice.set_text(*words.clock_jumps(jumps, self.formats))

    def read_look(self) -> None:
        """The chosen meter again, over the period."""
        if not self._chosen:
            return
        start_ms, end_ms = self.period.bounds_ms
        work = partial(self._services.quality.look, self._chosen, start_ms, end_ms, self._register)
        self.load(work, self.show_look, panels=(self.picture, self.doubts))

    def show_look(self, look: QualityLook) -> None:
        """Gaps, picture, corrections and sums of one register."""
        is_other = self._look is None or (
            (self._look.meter.meter_id, self._look.register, self._look.start_ms)
            != (look.meter.meter_id, look.register, look.start_ms)
        )
        chosen = self.doubts.table.chosen_row()
        self._look, self._register = look, look.register
        found = words.doubts(look)
        self.doubts.show_doubts(found, look.meter.name)
        self.picture.show_look(look, found)
        self.deeds.show_deeds(look.edits, look.events, look.held)
        self.sums.show_sums(look.months, look.days)
        if self.correction is not None:
            self.correction.show_look(look)
        self.side.set_choices(self._sides())
        if is_other:
            self._first_span(look)
        elif chosen is not None:  # what became of it stands in its line and under the chart
            now = self.doubts.same(chosen)
            told = "" if now is None else words.doubt_sentence(self.formats, now)
            self.picture.show_told(told)

    def _first_span(self, look: QualityLook) -> None:
        """The first open gap; without one, the last day of the period."""
        first = self.doubts.first_open()
        if first is not None:
            self.doubts.table.choose((first.start_ms, first.is_gap))
            self._on_doubt(first)
        elif look.days:
            self.choose_span(look.days[-1].start_ms, look.days[-1].end_ms)

    def show_invoices(self, corrections: Sequence[InvoiceCorrection]) -> None:
        self._invoices = len(corrections)
        self.invoices.show_corrections(corrections)
        self.side.set_choices(self._sides())

    # -------------------------------------------------------- choosing

    def _on_period(self) -> None:
        self._period_is_new = True
        self._look = None
        self.reload()

    def _on_meter(self, meter_id: str) -> None:
        if meter_id != self._chosen:
            self._chosen, self._register, self._is_own_choice = meter_id, "", False
            self.navigation.choose(meter_id=meter_id)
            self.read_look()

    def _on_register(self, register: str) -> None:
        if register != self._register:
            self._register = register
            self.read_look()

    def _on_doubt(self, doubt: Doubt) -> None:
        self.picture.extent.set_value(SPAN)
        self.choose_span(doubt.start_ms, doubt.end_ms)
        self.picture.show_told(words.doubt_sentence(self.formats, doubt))

    def _on_deed(self, deed: Deed) -> None:
        start_ms, end_ms = deed.span
        step_ms = 900_000 if self._look is None else 1000 * self._look.report.series.step_s
        if start_ms == end_ms:  # an exchange is a moment: the interval it lies in
            start_ms = start_ms // step_ms * step_ms
            end_ms = start_ms + step_ms
        self.choose_span(start_ms, end_ms)
        if deed.edit is not None:
            self.picture.show_told(words.edit_sentence(self.formats, deed.edit))
        elif deed.event is not None:
            self.picture.show_told(words.event_detail(self.formats, deed.event))

    def choose_span(self, start_ms: int, end_ms: int) -> None:
        """What is shaded in the chart and would be corrected."""
        look = self._look
        if look is not None:  # a day that still runs ends with its last whole interval
            step_ms = 1000 * look.report.series.step_s
            end_ms = max(min(end_ms, look.end_ms // step_ms * step_ms), start_ms)
        if self.correction is not None:
            self.correction.set_span(start_ms, end_ms)
        self.picture.show_told("")
        self.picture.show_span(start_ms, end_ms)

    def _on_typed_span(self, start_ms: int, end_ms: int) -> None:
        if start_ms < end_ms:
            self.picture.show_span(start_ms, end_ms)

    def _on_preview(self, preview: EditPreview | None) -> None:
        self.picture.show_preview(preview)

    def show_side(self, side: str) -> None:
        self.side.set_value(side)
        names = {
            CORRECT: "Correct",
            DEEDS: "Corrections and exchanges",
            SUMS: "Sum of intervals against the register",
            INVOICES: "Issued invoices to be corrected",
        }
        self.deeds_panel.set_title(names[side])
        self.pages.setCurrentIndex(tuple(names).index(side))

    def focus_filter(self) -> None:
        self.meters.table.setFocus()

    # -------------------------------------------------------- doing

    def estimate_all(self) -> None:
        """Every open gap of the chosen meter in the period: the preview first."""
        look = self._look
        if look is None or self.correction is None:
            return
        step_ms = 1000 * look.report.series.step_s
        self.show_side(CORRECT)
        self.choose_span(look.start_ms, look.end_ms // step_ms * step_ms)
        self.correction.choose_method(ESTIMATE)
        self.correction.preview()

    def _on_applied(self, _: Edit) -> None:
        self.reload_changed()  # the panel itself says what was done

    def undo(self, edit_id: int, reason: str) -> None:
        """Puts back what the correction replaced."""
        editing = self._services.editing
        if editing is None:
            return
        self.load(
            partial(editing.undo, edit_id, reason),
            self._on_undone,
            key="undo",
            on_error=self.notices.tell,
        )

    def _on_undone(self, _: Edit) -> None:
        self.deeds.done()  # the list shows the undoing and what it undid
        self.reload_changed()

    def open_exchange(self) -> None:
        """The wizard for the chosen meter; its time is that of the chosen gap."""
        chosen = self.doubts.table.chosen_row()
        if self.exchanges is not None and self._chosen:
            same = self._look is not None and self._look.meter.meter_id == self._chosen
            at_ms = chosen.start_ms if chosen is not None and same else None
            self.exchanges.open(self._chosen, self._register if same else "", at_ms)

    # -------------------------------------------------------- papers

    def export(self) -> None:
        """Ctrl E: every meter, and all about the chosen one."""
        self._ask_for_file("CSV (*.csv);;Excel (*.xlsx)", "csv")

    def print_pdf(self) -> None:
        """Ctrl P: the same on paper."""
        self._ask_for_file("PDF (*.pdf)", "pdf")

    def _ask_for_file(self, filters: str, ending: str) -> None:
        if not self.meters.table.rows_model.rows:
            self.notices.say("There is nothing to export yet.", "No meter is shown.", 0)
            return
        start = self.formats.local(self.period.bounds_ms[0])
        name = f"data-quality-{self._chosen}-{start:%Y-%m}.{ending}"
        choose_target(self, "Export what is seen", name, filters, self.export_to)

    def export_to(self, out: Path) -> None:
        """Writes what is seen; the name's ending says as what."""
        papers, look = self._services.papers, self._look
        if papers is None:
            return
        rows, period = tuple(self.meters.table.rows_model.rows), self.period.bounds_ms
        self.load(
            lambda: papers.write(rows, look, period, out),
            lambda written: self.notices.say("Written.", ", ".join(map(str, written)), 0),
            key="export",
            title=f"Export to {out.name}",
            on_error=self.notices.tell,
        )

    def _open_invoice(self, row: InvoiceCorrection) -> None:
        self.navigation.go("billing", item_id=row.invoice.number or "")
