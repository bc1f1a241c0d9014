"""What a run would read and need: how the files are read, how long, how much room."""

from __future__ import annotations

from pathlib import Path

from energy_desktop.domain.fleet import FleetPlan
from energy_desktop.ui.formatting import Formats
from energy_desktop.ui.views.fleet import remedies, words
from energy_desktop.ui.widgets.marks import FactList
from energy_desktop.ui.widgets.paint import label
from energy_desktop.ui.widgets.panel import InlineNotice, Panel

_MOST_NAMED = 3
_STATES = {
    "new": "a new run",
    "goes_on": "goes on where it stopped",
    "done": "done already: nothing is done again",
    "replaces": "results of other files or options are there",
    "busy": "another process works on these results",
}


class NeedsPanel(Panel):
    """Shows a FleetPlan."""

    def __init__(self, formats: Formats) -> None:
        super().__init__("What it would read and need")
        self._formats = formats
        self.facts = FactList()
        self.lacking = InlineNotice("", tone=2)
        self.refused = label("", "caption", wrap=True)
        self.set_content(self.lacking)
        self.set_content(self.facts)
        self.set_content(self.refused)
        self.body.addStretch(1)
        self.show_nothing()

    def show_nothing(self) -> None:
        """Before a folder is named."""
        self.lacking.hide()
        self.facts.show_facts([])
        self.refused.setText("Choose the folder of readings; its files are looked at first.")

    def show_plan(self, plan: FleetPlan) -> None:
        formats = self._formats
        facts: list[tuple[str, str] | tuple[str, str, bool]] = [
            ("Files", f"{formats.count(plan.files)}, {words.size(formats, plan.bytes)}"),
            ("Readings", f"about {words.many(formats, plan.rows)}"),
            *((f"{formats.count(n)} read as", how) for how, n in plan.kinds),
            ("Time", words.about(formats, plan.seconds)),
            ("Memory", f"about {words.size(formats, 1_000_000 * plan.memory_mb)}"),
            (
                "Disk",
                f"about {words.size(formats, plan.disk_bytes)} of "
                f"{words.size(formats, plan.free_bytes)} free",
            ),
            ("This run", _STATES[plan.state], plan.state == "replaces"),
        ]
        self.facts.show_facts(facts)
        lacking = remedies.in_window(plan.lacking)
        if not lacking and plan.disk_bytes > plan.free_bytes:
            lacking = "There is not enough room on the disk of the results."
        self.lacking.set_text(lacking)
        self.lacking.setVisible(bool(lacking))
        self.refused.setText(self._refused(plan))

    def _refused(self, plan: FleetPlan) -> str:
        if not plan.refused:
            return "Every file can be read."
        n = len(plan.refused)
        named = "\n".join(
            f"{Path(one.name).name}: {remedies.in_window(one.why)}"
            for one in plan.refused[:_MOST_NAMED]
        )
        more = "" if n <= _MOST_NAMED else f"\nand {self._formats.count(n - _MOST_NAMED)} more."
        files = "1 file" if n == 1 else f"{self._formats.count(n)} files"
        return f"{files} would be left out whole.\n{named}{more}"
