"""What can be set, found by searching: each entry says its unit, range, default and meaning."""

from __future__ import annotations

from PySide6.QtWidgets import QLineEdit

from energy_desktop.ui.views.base import BaseView, ViewContext


class SettingsView(BaseView):
    """Search first, then the groups."""

    view_id = "settings"
    title = "Settings"

    def __init__(self, context: ViewContext) -> None:
        super().__init__(context)
        self.search = QLineEdit()
        self.search.setPlaceholderText("Search settings")
        self.search.setAccessibleName("Search settings")
        self.search.setClearButtonEnabled(True)
        self.body.addWidget(self.search)
        self.body.addStretch(1)

    def focus_filter(self) -> None:
        self.search.setFocus()
