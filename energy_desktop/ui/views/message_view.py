"""What stands in the place of a page that could not be built, or that a person may not use."""

from energy_desktop.ui.views.base import BaseView, ViewContext
from energy_desktop.ui.widgets.panel import Panel


class MessageView(BaseView):
    """A page that could not be built, or may not be used: says so in its place."""

    def __init__(self, context: ViewContext) -> None:
        super().__init__(context)
        self.panel = Panel()
        self.body.addWidget(self.panel)

    def on_first_shown(self) -> None:
        """There is nothing to load."""
