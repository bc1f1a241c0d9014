"""Notices above a page: what came of a command, with what to do."""

from __future__ import annotations

from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QVBoxLayout

from energy_desktop.domain.errors import UserFacingError
from energy_desktop.ui.widgets.panel import Button, InlineNotice

_LINES_SHOWN = 8  # of a long list of mistakes; the rest is copied


class Notices(QVBoxLayout):
    """One notice at a time, until it is closed or another one comes."""

    def say(self, what: str, where: str, tone: int, more: tuple[Button, ...] = ()) -> None:
        """tone 0 neutral, 1 to 3 as the priorities."""
        while (item := self.takeAt(0)) is not None:
            widget = item.widget()
            if widget is not None:
                widget.hide()  # it is deleted later, and not seen until then
                widget.deleteLater()
        notice = InlineNotice(
            what, where, tone=tone, buttons=[("Close", lambda: notice.hide()), *more]
        )
        self.addWidget(notice)

    def tell(self, error: UserFacingError) -> None:
        """A failure with its remedy; of a long one the beginning, and a button that copies all."""
        lines = f"{error.what}\n{error.remedy}".strip().splitlines()
        text = "\n".join(lines[:_LINES_SHOWN])
        copy: tuple[Button, ...] = ()
        if len(lines) > _LINES_SHOWN:
            text += f"\nand {len(lines) - _LINES_SHOWN} more"
            copy = (("Copy all", lambda: QGuiApplication.clipboard().setText(str(error))),)
        self.say(error.where, text, 2, copy)
