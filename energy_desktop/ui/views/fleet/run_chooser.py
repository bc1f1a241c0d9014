"""Which run is looked at: those that are known, and the ways to another one."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QComboBox

_OTHERS, _TAKE_OUT = "", "take out"  # entries that are no run


class RunChooser(QComboBox):
    """One signal for each kind of entry; the entry shown is always the run that is looked at."""

    chosen = Signal(Path)
    others_wanted = Signal()
    take_out_wanted = Signal()

    def __init__(self) -> None:
        super().__init__()
        self.setAccessibleName("Fleet run")
        self.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToContents)
        self.activated.connect(lambda _: self._on_activated())
        self._shown = 0

    def show_runs(self, runs: Sequence[tuple[Path, str]], shown: Path, *, kept: bool) -> None:
        """runs: folder and name of each. kept: the one that is shown lies in the site's folder,
        which nothing can take out of the list.
        """
        self.clear()
        for out, name in runs:
            self.addItem(name, str(out))
        self.addItem("Open other results", _OTHERS)
        if not kept:
            self.addItem(f"Take {shown.name} out of this list", _TAKE_OUT)
        self._shown = [out for out, _ in runs].index(shown)
        self.setCurrentIndex(self._shown)

    def runs(self) -> tuple[Path, ...]:
        found = (str(self.itemData(i)) for i in range(self.count()))
        return tuple(Path(one) for one in found if one not in (_OTHERS, _TAKE_OUT))

    def _on_activated(self) -> None:
        asked = str(self.currentData())
        if asked in (_OTHERS, _TAKE_OUT):
            self.setCurrentIndex(self._shown)
        if asked == _OTHERS:
            self.others_wanted.emit()
        elif asked == _TAKE_OUT:
            self.take_out_wanted.emit()
        else:
            self.chosen.emit(Path(asked))
