"""Every strange stretch of every household, by the rule or by the reference method."""

from __future__ import annotations

from pathlib import Path
from typing import cast

from energy_desktop.services.fleet import FleetService, Method
from energy_desktop.ui.formatting import Formats
from energy_desktop.ui.views.base import BaseView
from energy_desktop.ui.views.fleet.part import Part
from energy_desktop.ui.views.fleet.ranking import ranking
from energy_desktop.ui.views.fleet.seen_line import Marked, SeenLine, Who
from energy_desktop.ui.widgets.paint import label
from energy_desktop.ui.widgets.panel import Panel
from energy_desktop.ui.widgets.segmented import Segmented

_METHODS = (("profile", "Profile and flat runs"), ("kmeans_residual", "k-means and residual"))
_SCOPES = (("strongest", "One a household"), ("all", "All"))
_SEEN = (("all", "Seen or not"), ("unseen", "Not seen"))


class AnomaliesPart(Part):
    """Both methods, held beside each other by switching."""

    by_tariff = by_year = True

    def __init__(self, host: BaseView, fleet: FleetService, formats: Formats, who: Who) -> None:
        super().__init__(host, fleet, formats)
        self.panel = Panel("Out of line")
        self.method = Segmented(_METHODS, name="Method")
        self.scope = Segmented(_SCOPES, name="Stretches")
        self.which = Segmented(_SEEN, name="Seen")
        for one in (self.which, self.scope, self.method):
            one.changed.connect(lambda _: self._list())
            self.panel.add_header_widget(one)
        self.table = ranking(self.formats, times=True)
        self.seen = SeenLine(host, fleet, formats, self.table, who)
        self.seen.marked.connect(self._on_marked)
        self.found = label("", "caption", wrap=True)
        self.paged = self.paged_households(self.panel, self.table, "found")
        self.panel.set_content(self.seen)
        self.panel.set_content(self.found)
        self.body.addWidget(self.panel, 1)

    @property
    def front(self) -> Panel:
        return self.panel

    def read(self, out: Path) -> None:
        self.seen.out = out
        self.host.load(
            lambda: self.fleet.summary(out).anomaly_methods,
            self.show_methods,
            key="fleet methods",
            on_error=lambda _: None,  # the list beside it says what failed
            title="Fleet",
        )
        self._list()

    def show_methods(self, methods: dict[str, dict[str, int]]) -> None:
        """What each method found in how many."""
        formats = self.formats
        said = []
        rule, hybrid = methods.get("profile", {}), methods.get("kmeans_residual", {})
        if rule:
            said.append(
                f"Profile and flat runs: {formats.count(rule['found'])} stretches in "
                f"{formats.count(rule['households'])} of {formats.count(rule['judged'])} "
                "households judged."
            )
        if hybrid.get("days"):
            said.append(
                f"The reference, k-means and residual: both name {formats.count(hybrid['both'])} "
                f"of {formats.count(hybrid['days'])} days (k-means alone "
                f"{formats.count(hybrid['kmeans'])}, residual alone "
                f"{formats.count(hybrid['residual'])})."
            )
        said.append("The score is how many of its usual days a stretch is worth.")
        self.found.setText(" ".join(said))

    def _on_marked(self, marked: Marked) -> None:
        self.paged.replace(marked.on)
        self.marked.emit()

    def _list(self) -> None:
        if self.out is None:
            return
        fleet, out, tariff, year = self.fleet, self.out, self.tariff, self.year
        method = cast(Method, self.method.value)
        only, unseen = self.scope.value == "strongest", self.which.value == "unseen"
        self.seen.whole = only
        self.paged.begin(
            lambda offset, limit: fleet.anomalies(
                out,
                method=method,
                offset=offset,
                limit=limit,
                tariff=tariff,
                strongest_only=only,
                unseen_only=unseen,
                year=year,
            ),
            empty="Nothing is out of line.",
        )
