"""Main meters against the meters behind them: the tree at the left, the chosen one at the right."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from energy_desktop.domain.balance import BalanceBranch, BalanceSlices, NodeBalance
from energy_desktop.domain.errors import UserFacingError
from energy_desktop.services.balances import BalanceService
from energy_desktop.ui.views.balance.node_panel import NodePanel
from energy_desktop.ui.views.balance.tree_panel import TreePanel
from energy_desktop.ui.views.base import BaseView
from energy_desktop.ui.views.desk.notices import Notices


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
