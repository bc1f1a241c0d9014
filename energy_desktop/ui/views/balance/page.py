"""Does the energy add up, and what has the weather to do with it?

A page of its own in Analyse, behind Data quality: that one asks whether the figures of one meter
may be believed, this one whether those of all meters fit together. Billing comes after it, because
what does not add up should be known before it is charged. Three looks: main meters against the
meters behind them; a meter against degree days; and the formulas that stand for meters that are
not there. The first two share the period.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from PySide6.QtWidgets import QHBoxLayout, QStackedWidget

from energy_desktop.domain.document import Document
from energy_desktop.domain.site import Meter
from energy_desktop.ui.views.balance import words
from energy_desktop.ui.views.balance.formulas_part import FormulasPart
from energy_desktop.ui.views.balance.parts import BalanceServices
from energy_desktop.ui.views.balance.sums_part import SumsPart
from energy_desktop.ui.views.balance.weather_part import WeatherPart
from energy_desktop.ui.views.base import BaseView, Subject, ViewContext
from energy_desktop.ui.views.desk.choose_file import choose_target
from energy_desktop.ui.views.desk.notices import Notices
from energy_desktop.ui.views.quality.period import MONTH, YEAR, PeriodChoice
from energy_desktop.ui.widgets.segmented import Segmented

SUMS, WEATHER, FORMULAS = "sums", "weather", "formulas"
_LOOKS = (
    (SUMS, "Main and sub-meters"),
    (WEATHER, "Energy and temperature"),
    (FORMULAS, "Virtual meters"),
)
LOOK_ITEM = "look:"
"""How the item begins that asks for one of the looks: `look:formulas`."""
_LONG_MS = 45 * 86_400_000


class BalanceView(BaseView):
    """Period and look above; below, one of three parts."""

    view_id = "balance"
    title = "Balance"
    follows_energy = True

    def __init__(self, context: ViewContext, services: BalanceServices) -> None:
        super().__init__(context)
        self._services = services
        self._wanted: tuple[int, int] | None = None  # a period that another page asked for
        self._read_for: dict[str, tuple[int, int]] = {}
        self.notices = Notices()
        self.body.addLayout(self.notices)
        row = QHBoxLayout()
        row.setSpacing(16)
        self.looks = Segmented(_LOOKS, name="Look")
        self.looks.changed.connect(self.show_look)
        self.period = PeriodChoice(self.formats)
        self.period.changed.connect(self._on_period)
        row.addWidget(self.looks)
        row.addWidget(self.period)
        row.addStretch(1)
        self.body.addLayout(row)
        self.sums = SumsPart(self, services.balances, self.notices)
        self.sums.formula_wanted.connect(self._on_rest)
        self.weather = WeatherPart(self, services.weather)
        self.formulas = FormulasPart(self, services.virtual_meters, self.notices)
        self.pages = QStackedWidget()
        for part in (self.sums, self.weather, self.formulas):
            self.pages.addWidget(part)
        self.body.addWidget(self.pages, 1)
        self.add_page_action("Export", "download", self.export)
        self.add_page_action("Save PDF", "file-pdf-box", self.print_pdf)

    # -------------------------------------------------------- reading

    @property
    def period_ms(self) -> tuple[int, int]:
        """The chosen period up to the last whole hour: what is to come is not missing."""
        start_ms, end_ms = self.period.bounds_ms
        now_ms = self.formats.now_ms() // 3_600_000 * 3_600_000
        return start_ms, max(min(end_ms, now_ms), start_ms)

    def on_first_shown(self) -> None:
        self._take_subject(self.navigation.subject)
        self.reload()

    def on_subject_changed(self, subject: Subject) -> None:
        if subject.item_id.startswith(LOOK_ITEM):
            self.show_look(subject.item_id.removeprefix(LOOK_ITEM))
            self.navigation.choose(item_id="")  # once: the next choice is the person's
        before = self.period.bounds_ms
        self._take_subject(subject)
        if self.period.bounds_ms != before:
            self._on_period()

    def on_shown(self) -> None:
        self.on_subject_changed(self.navigation.subject)
        self.formulas.editor.wake()

    def on_hidden(self) -> None:
        self.formulas.editor.rest()

    def _take_subject(self, subject: Subject) -> None:
        """The period that came along from another page; here it is a whole month or year."""
        if subject.start_ms is None or subject.end_ms is None:
            return
        span = (subject.start_ms, subject.end_ms)
        if span != self._wanted:
            self._wanted = span
            long = span[1] - span[0] > _LONG_MS
            self.period.show_moment((span[0] + span[1]) // 2, YEAR if long else MONTH)

    def _on_period(self) -> None:
        self._read_for.clear()
        self.reload()

    def reload(self) -> None:
        """The look that is shown; the others when they are."""
        look = self.looks.value
        period = self.period_ms
        self._read_for = {look: period}
        if look == SUMS:
            by_month = self.period.length.value == YEAR
            self.sums.read(period, by_month=by_month, then=self._tell)
        elif look == WEATHER:
            self.weather.read(period, then=self._tell)
        else:
            self.formulas.read(then=self._tell)

    def show_look(self, look: str) -> None:
        """One of the three parts; it is read when it is not of this period."""
        self.looks.set_value(look)
        self.pages.setCurrentIndex([value for value, _ in _LOOKS].index(look))
        self.period.setVisible(look != FORMULAS)
        if look not in self._read_for:
            self.reload()
        else:
            self._tell()

    def _tell(self) -> None:
        """The page's answer, by the look that is shown."""
        look = self.looks.value
        if look == SUMS:
            self.set_answer(words.answer(self.sums.nodes, self.formats))
        elif look == WEATHER:
            found = self.weather.look
            self.set_answer(
                "No temperature to hold energy against yet."
                if found is None
                else words.weather_answer(found, self.formats)
            )
        else:
            many = len(self.formulas.meters)
            self.set_answer(
                "No virtual meter yet."
                if not many
                else f"{self.formats.count(many)} virtual meter{'' if many == 1 else 's'}."
            )

    def _on_rest(self, terms: tuple[tuple[str, float], ...], main: Meter) -> None:
        """The rest of a main meter as a new formula, to be looked at before it is saved."""
        self.show_look(FORMULAS)
        self.formulas.begin(
            f"Rest of {main.name}", terms, f"What no meter behind {main.name} counts."
        )

    def focus_filter(self) -> None:
        part = self.looks.value
        if part == SUMS:
            self.sums.tree.table.setFocus()
        elif part == WEATHER:
            self.weather.meter.setFocus()
        else:
            self.formulas.table.setFocus()

    # -------------------------------------------------------- papers

    def export(self) -> None:
        self._ask("CSV (*.csv);;Excel (*.xlsx)", "csv")

    def print_pdf(self) -> None:
        self._ask("PDF (*.pdf)", "pdf")

    def _ask(self, filters: str, ending: str) -> None:
        if self._nothing_shown():
            self.notices.say("There is nothing to export yet.", "Choose another period.", 0)
            return
        start = self.formats.local(self.period_ms[0])
        span = "" if self.looks.value == FORMULAS else f"-{start:%Y-%m}"
        name = f"balance-{self.looks.value}{span}.{ending}"
        choose_target(self, "Export what is seen", name, filters, self.export_to)

    def _nothing_shown(self) -> bool:
        look = self.looks.value
        if look == SUMS:
            return not self.sums.nodes
        return self.weather.look is None if look == WEATHER else not self.formulas.meters

    def export_to(self, out: Path) -> None:
        """Writes what is seen; the name's ending says as what."""
        make, papers = self._document(), self._services.papers
        self.load(
            lambda: papers.write(make(), out),
            self.show_exported,
            key="export",
            title=f"Export to {out.name}",
            on_error=self.notices.tell,
        )

    def _document(self) -> Callable[[], Document]:
        documents, look = self._services.documents, self.looks.value
        nodes, by_month = self.sums.nodes, self.sums.by_month
        weather, meters = self.weather.look, self.formulas.meters

        def make() -> Document:
            if look == SUMS:
                return documents.balance(nodes, by_month=by_month)
            if look == WEATHER and weather is not None:
                return documents.weather(weather)
            return documents.virtual(meters)

        return make

    def show_exported(self, written: tuple[Path, ...]) -> None:
        many = "Written." if len(written) == 1 else f"Written into {len(written)} files."
        self.notices.say(many, ", ".join(str(path) for path in written), 0)
