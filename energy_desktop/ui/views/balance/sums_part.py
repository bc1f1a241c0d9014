"""Main meters against the meters behind them: the tree at the left, the chosen one at the right."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QComboBox, QHBoxLayout, QVBoxLayout, QWidget

from energy_desktop.domain import wording
from energy_desktop.domain.balance import BalanceBranch, BalanceSlices, Cause, NodeBalance
from energy_desktop.domain.errors import UserFacingError
from energy_desktop.services.balances import BalanceService
from energy_desktop.ui.formatting import Formats
from energy_desktop.ui.views.balance import drawing, words
from energy_desktop.ui.views.balance.words import Kind, TreeRow
from energy_desktop.ui.views.base import BaseView
from energy_desktop.ui.views.desk.notices import Notices
from energy_desktop.ui.widgets import paint
from energy_desktop.ui.widgets.chart import Chart
from energy_desktop.ui.widgets.marks import Figure, FigureRow, Legend
from energy_desktop.ui.widgets.panel import Panel, button
from energy_desktop.ui.widgets.segmented import Segmented
from energy_desktop.ui.widgets.table import Cell, Column, Table

ENERGY, REST = "energy", "rest"
_NOBODY = ""
_INDENT_PX = 14


class TreePanel(Panel):
    """`node_chosen` tells the main meter of the chosen line, `meter_opened` a meter to be looked
    at, `place_wanted` a meter and whom it is to stand behind (None: nobody)."""

    node_chosen = Signal(str)
    meter_opened = Signal(str)
    place_wanted = Signal(str, object)

    def __init__(self, formats: Formats) -> None:
        super().__init__("Main meters and what is behind them")
        self._formats = formats
        self._tree: tuple[BalanceBranch, ...] = ()
        self.table: Table[TreeRow] = Table(
            [
                Column("Meter", self._name, stretch=1),
                Column("", lambda r: Cell(r.way, token="text2"), width=96),
                Column("kWh", self._energy, width=84, number=True),
                Column("% of use", self._share, width=76, number=True),
                Column("Gaps, h", self._missing, width=66, number=True),
            ],
            key=lambda r: r.key,
            name="Main meters, the meters behind them and the unexplained rest",
        )
        self.table.setMinimumHeight(self.table.content_height(4))
        self.table.chosen.connect(self._on_chosen)
        self.table.opened.connect(lambda row: self.meter_opened.emit(row.meter.meter_id))
        self.set_content(self.table)
        self.set_content(
            paint.label(
                "Energy of the hours known of all meters of a main meter: so it adds up.",
                "caption",
                wrap=True,
            )
        )
        row = QHBoxLayout()
        row.setSpacing(8)
        self.place_label = paint.label("Stands behind", "label")
        self.above = QComboBox()
        self.above.setAccessibleName("The meter that the chosen one stands behind")
        self.above.activated.connect(self._on_above)
        row.addWidget(self.place_label)
        row.addWidget(self.above, 1)
        self.set_content(row)
        self._enable(None)

    def show_rows(self, tree: Sequence[BalanceBranch], nodes: Sequence[NodeBalance]) -> None:
        """Keeps the chosen line where it still is."""
        self._tree = tuple(tree)
        self.table.show_rows(words.tree_rows(tree, nodes))
        self._enable(self.table.chosen_row())

    def choose_node(self, meter_id: str) -> bool:
        """The line of a main meter; False: there is none."""
        for row in self.table.rows_model.rows:
            if row.node_id == meter_id and row.kind in (Kind.NODE, Kind.SILENT):
                return self.table.choose(row.key)
        return False

    def _on_chosen(self, row: TreeRow | None) -> None:
        self._enable(row)
        if row is not None and row.node_id:
            self.node_chosen.emit(row.node_id)

    def _enable(self, row: TreeRow | None) -> None:
        """Whom the chosen meter stands behind, and whom it could."""
        meter = None if row is None or row.kind is Kind.REST else row.meter
        self.above.clear()
        self.above.setEnabled(meter is not None)
        name = "The chosen meter" if meter is None else meter.name
        self.place_label.setText(f"{name} stands behind")
        if meter is None:
            return
        self.above.addItem("no meter", _NOBODY)
        for branch in self._tree:
            if branch.meter.meter_id != meter.meter_id:
                self.above.addItem(branch.meter.name, branch.meter.meter_id)
        self.above.setCurrentIndex(max(0, self.above.findData(meter.parent_id or _NOBODY)))

    def _on_above(self, _: int) -> None:
        row = self.table.chosen_row()
        wanted = str(self.above.currentData() or _NOBODY)
        if row is not None and wanted != (row.meter.parent_id or _NOBODY):
            self.place_wanted.emit(row.meter.meter_id, wanted or None)

    def _name(self, row: TreeRow) -> Cell:
        bold = row.kind in (Kind.NODE, Kind.REST)
        icon = "alert-outline" if row.suspect else ""
        token = "text2" if row.kind in (Kind.SILENT, Kind.LOOSE) else "text"
        spoken = f"{row.title}, the likely cause of the rest" if row.suspect else ""
        return Cell(
            row.title,
            bold=bold,
            indent=_INDENT_PX * row.depth,
            icon=icon,
            icon_token="p2",
            token=token,
            spoken=spoken,
        )

    def _energy(self, row: TreeRow) -> Cell:
        asked = row.kind is not Kind.LOOSE
        text = self._formats.scale("Wh").text(row.energy_wh) if asked else ""
        return Cell(
            text,
            bold=row.kind in (Kind.NODE, Kind.REST),
            icon="approximately-equal" if row.estimated_wh else "",
        )

    def _share(self, row: TreeRow) -> Cell:
        share = None if row.share is None else 100 * row.share
        text = "" if share is None else self._formats.number(share, 1)
        return Cell(text, bold=row.kind is Kind.REST)

    def _missing(self, row: TreeRow) -> str:
        return self._formats.number(row.missing_h, 0) if row.missing_h else ""


class NodePanel(Panel):
    """One main meter: what it comes to, why, what to do, and its course."""

    formula_wanted = Signal(object)  # the terms of the rest
    place_wanted = Signal(str, object)  # a meter, whom it is to stand behind
    page_wanted = Signal(str, str)  # view id, meter id

    def __init__(self, formats: Formats) -> None:
        super().__init__("Main meter")
        self._formats = formats
        self._node: NodeBalance | None = None
        self._slices: BalanceSlices | None = None
        self._by_month = False
        self.legend = Legend()
        self.choice = Segmented(((ENERGY, "Energy"), (REST, "Rest")), name="Chart")
        self.choice.changed.connect(lambda _: self._draw())
        self.add_header_widget(self.legend)
        self.add_header_widget(self.choice)
        self.figures = FigureRow()
        self.set_content(self.figures)
        self.why = paint.label("", "strong", wrap=True)
        self.remedy = paint.label("", wrap=True)
        self.set_content(self.why)
        self.set_content(self.remedy)
        row = QHBoxLayout()
        row.setSpacing(8)
        self.suspect_button = button(
            "Open Meters", self._open_suspect, icon="meter-electric-outline"
        )
        self.gaps_button = button(
            "Open Data quality", self._open_gaps, icon="clipboard-check-outline"
        )
        self.formula_button = button("Keep the rest as a virtual meter", self._keep, icon="sigma")
        self.place_button = button("Put it behind", self._place, icon="file-tree-outline")
        for one in (
            self.place_button,
            self.suspect_button,
            self.gaps_button,
            self.formula_button,
        ):
            row.addWidget(one)
        row.addStretch(1)
        self.set_content(row)
        self.chart = Chart(formats, formats.scale("Wh"), name="Used and metered", numeric_x=True)
        self.body.addWidget(self.chart, 1)
        self.partly = paint.label("", "caption", wrap=True)
        self.set_content(self.partly)

    def show_node(self, node: NodeBalance, slices: BalanceSlices, *, by_month: bool) -> None:
        self._node, self._slices, self._by_month = node, slices, by_month
        formats, rest = self._formats, node.rest
        self.set_title(node.meter.name, "by month" if by_month else "by day")
        scale = formats.scale("Wh", (rest.total_wh,))  # the smallest of them has digits to show
        untold = bool(node.absent) or not rest.steps
        hours = rest.steps * node.step_s / 3600
        self.figures.show_figures(
            [
                Figure("Used behind it", scale.text(rest.main_wh), scale.unit),
                Figure("Metered", scale.text(rest.sub_wh), scale.unit),
                Figure(
                    "Unexplained rest",
                    scale.text(None if untold else rest.total_wh),
                    scale.unit,
                    "" if untold else f"{formats.percent(100 * rest.share, 1)} of use",
                    estimated=any(p.estimated_wh for p in node.parts),
                ),
                Figure(
                    "Known of all",
                    formats.number(hours, 0),
                    "h",
                    f"of {formats.number(node.steps * node.step_s / 3600, 0)}",
                ),
            ]
        )
        self.why.setText(rest.sentence)
        told = words.remedy(node)
        self.remedy.setText(told)
        self.remedy.setVisible(bool(told))
        self.suspect_button.setVisible(
            rest.cause in (Cause.UNIT_SLIP, Cause.OVERCOUNTED, Cause.TIME_SKEW) or bool(node.absent)
        )
        candidate = node.candidate
        self.place_button.setVisible(candidate is not None)
        if candidate is not None:
            self.place_button.setText(f"Put {words.short(candidate.name)} behind it")
        self.gaps_button.setVisible(rest.steps < node.steps and not node.absent)
        self.formula_button.setVisible(bool(words.formula_of_rest(node)))
        partly = int(((slices.known_steps > 0) & (slices.known_steps < slices.steps)).sum())
        many = wording.count(partly, "month" if by_month else "day")
        self.partly.setText(f"{many} with hours that are not known of all: a lower bar.")
        self.partly.setVisible(partly > 0)
        self._draw()

    def _draw(self) -> None:
        if self._node is None or self._slices is None:
            return
        data, scale = drawing.slices(
            self._node,
            self._slices,
            self._formats,
            by_month=self._by_month,
            rest_only=self.choice.value == REST,
        )
        self.chart.set_title(
            "Unexplained rest" if self.choice.value == REST else "Used and metered"
        )
        self.chart.show_data(data, scale=scale)
        self.chart.reset_zoom()
        self.legend.show_entries(self.chart.legend_entries())

    def _open_suspect(self) -> None:
        node = self._node
        if node is not None:
            meter = node.absent[0] if node.absent else node.suspect or node.meter
            self.page_wanted.emit("meters", meter.meter_id)

    def _open_gaps(self) -> None:
        if self._node is not None:
            worst = min(self._node.parts, key=lambda p: p.known_steps)
            self.page_wanted.emit("quality", worst.meter.meter_id)

    def _place(self) -> None:
        node = self._node
        if node is not None and node.candidate is not None:
            self.place_wanted.emit(node.candidate.meter_id, node.meter.meter_id)

    def _keep(self) -> None:
        if self._node is not None:
            self.formula_wanted.emit(words.formula_of_rest(self._node))


class SumsPart(QWidget):
    """`read` the period, then the tree and the chosen main meter are shown."""

    formula_wanted = Signal(object, object)  # the terms of a rest, the main meter

    def __init__(self, view: BaseView, balances: BalanceService, notices: Notices) -> None:
        super().__init__()
        self._view = view
        self._balances = balances
        self._notices = notices
        self._chosen = ""
        self._period: tuple[int, int] = (0, 0)
        self.by_month = False
        self.nodes: tuple[NodeBalance, ...] = ()
        self._when_read: Callable[[], object] = lambda: None
        formats = view.formats
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(8)
        self.tree = TreePanel(formats)
        self.tree.node_chosen.connect(self._on_node)
        self.tree.meter_opened.connect(lambda m: self._go("history", m))
        self.tree.place_wanted.connect(self.put_behind)
        self.node = NodePanel(formats)
        self.node.page_wanted.connect(self._go)
        self.node.place_wanted.connect(self.put_behind)
        self.node.formula_wanted.connect(self._on_formula)
        column = QVBoxLayout()
        column.addWidget(self.node)
        row.addWidget(self.tree, 11)
        row.addLayout(column, 12)

    def read(
        self,
        period_ms: tuple[int, int],
        *,
        by_month: bool,
        then: Callable[[], object] = lambda: None,
    ) -> None:
        """Reads all main meters over [start, end); `then` is told when they are shown."""
        self._period, self.by_month, self._when_read = period_ms, by_month, then
        balances = self._balances
        start_ms, end_ms = period_ms
        self._view.load_long(
            lambda progress: (balances.tree(), balances.nodes(start_ms, end_ms, progress)),
            lambda found: self.show_nodes(*found),
            panels=(self.tree, self.node),
            title="Balance",
            key="balance",
        )

    def show_nodes(self, tree: Sequence[BalanceBranch], nodes: Sequence[NodeBalance]) -> None:
        """The tree and the chosen main meter."""
        self.nodes = tuple(nodes)
        self.tree.show_rows(tree, nodes)
        mains = [b.meter for b in tree if b.has_behind]
        if not tree:
            self.tree.show_empty(
                "No meters yet.",
                icon="meter-electric-outline",
                buttons=[("Open Meters", lambda: self._view.navigation.go("meters"))],
            )
        known = {n.meter.meter_id for n in nodes}
        if self._chosen not in {m.meter_id for m in mains}:
            self._chosen = next((m.meter_id for m in mains if m.meter_id in known), "")
            self._chosen = self._chosen or (mains[0].meter_id if mains else "")
        chosen = self.tree.table.chosen_row()
        if chosen is None or chosen.node_id != self._chosen:
            self.tree.choose_node(self._chosen)
        self._show_chosen(mains=bool(mains))
        self._when_read()

    def _show_chosen(self, *, mains: bool = True) -> None:
        node = next((n for n in self.nodes if n.meter.meter_id == self._chosen), None)
        if node is not None:
            self.node.show_body()
            self._view.load(
                partial(self._sliced, node, self.by_month),
                lambda found: self.node.show_node(*found, by_month=self.by_month),
                panel=self.node,
                key="slices",
            )
        elif mains:
            self.node.show_empty(
                "It has no energy in this period: choose another one, or wait for a quarter hour "
                "of readings."
            )
        else:
            self.node.show_empty(
                "No meter stands behind another one yet. Choose a meter at the left and say below "
                "it which meter is upstream of it."
            )

    def _sliced(self, node: NodeBalance, by_month: bool) -> tuple[NodeBalance, BalanceSlices]:
        return node, self._balances.slices(node, by_month=by_month)

    def _on_node(self, meter_id: str) -> None:
        if meter_id != self._chosen:
            self._chosen = meter_id
            self._show_chosen()

    def put_behind(self, meter_id: str, parent_id: str | None) -> None:
        """Says who is upstream of a meter; can be taken back from the notice."""
        meters = {r.meter.meter_id: r.meter for r in self.tree.table.rows_model.rows}
        before = meters[meter_id].parent_id if meter_id in meters else None
        self._view.load(
            partial(self._balances.put_behind, meter_id, parent_id),
            lambda _: self._on_placed(meter_id, parent_id, before),
            key="place",
            on_error=self._not_placed,
        )

    def _not_placed(self, error: UserFacingError) -> None:
        self._notices.tell(error)
        self.read(self._period, by_month=self.by_month, then=self._when_read)

    def _on_placed(self, meter_id: str, parent_id: str | None, before: str | None) -> None:
        meters = {r.meter.meter_id: r.meter.name for r in self.tree.table.rows_model.rows}
        where = "no meter" if parent_id is None else meters.get(parent_id, parent_id)
        self._notices.say(
            f"{meters.get(meter_id, meter_id)} stands behind {where} now.",
            "Balances follow at once; readings stay as they are.",
            0,
            (("Take back", lambda: self.put_behind(meter_id, before)),),
        )
        if parent_id is not None:
            self._chosen = parent_id
        self.read(self._period, by_month=self.by_month, then=self._when_read)

    def _on_formula(self, terms: object) -> None:
        node = next((n for n in self.nodes if n.meter.meter_id == self._chosen), None)
        if node is not None:
            self.formula_wanted.emit(terms, node.meter)

    def _go(self, view_id: str, meter_id: str) -> None:
        self._view.navigation.choose(period_ms=self._period)
        self._view.navigation.go(view_id, meter_id=meter_id)
