"""The list of judgements scrolls when it is longer than its panel; no text is pressed together."""

from PySide6.QtWidgets import QLabel

from energy_desktop.domain.commissioning import FaultKind, Judgement, Verdict
from energy_desktop.ui.views.desk.plausibility import PlausibilityPanel


def test_rows_keep_the_height_of_their_words_in_a_low_panel(qtbot, themed):
    panel = PlausibilityPanel()
    qtbot.addWidget(panel)
    panel.resize(270, 260)
    panel.show()

    panel.show_judgements(
        [
            Judgement(
                FaultKind.NONE,
                Verdict.UNSURE,
                f"Looked at the {n}th thing, which takes two lines",
                "and a detail that takes two lines as well, at least",
                "What to do about it, at some length",
            )
            for n in range(9)
        ]
    )

    def pressed_together() -> list[str]:
        labels = [w for w in panel._holder.findChildren(QLabel) if w.text()]
        assert len(labels) >= 27
        return [w.text() for w in labels if w.height() < w.heightForWidth(w.width())]

    qtbot.waitUntil(lambda: panel._holder.height() > panel.height())
    qtbot.waitUntil(lambda: pressed_together() == [])
