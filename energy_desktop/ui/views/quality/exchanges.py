"""Opens the exchange dialog for a meter, removes an exchange, shows the photo that was kept."""

from __future__ import annotations

from functools import partial
from pathlib import Path

from PySide6.QtCore import QUrl
from PySide6.QtGui import QDesktopServices

from energy_desktop.domain.editing import RegisterEvent
from energy_desktop.services.data_quality import DataQualityService, KnownMeter
from energy_desktop.services.exchanges import ExchangeResult, ExchangeService
from energy_desktop.ui.views.base import BaseView
from energy_desktop.ui.views.desk.notices import Notices
from energy_desktop.ui.views.quality import words
from energy_desktop.ui.views.quality.exchange_dialog import ExchangeDialog, ExchangeServices
from energy_desktop.ui.widgets.question import Question

EXCHANGE_ITEM = "exchange"
"""The item of a Subject that asks for the exchange dialog of its meter."""


class Exchanges:
    """The page is read again after each change."""

    def __init__(
        self,
        page: BaseView,
        exchanges: ExchangeService,
        quality: DataQualityService,
        notices: Notices,
    ) -> None:
        self._page = page
        self._services = ExchangeServices(exchanges, quality)
        self._notices = notices

    def open(self, meter_id: str, register: str = "", at_ms: int | None = None) -> None:
        """at_ms: when it probably was; None: now."""
        self._page.load(
            partial(self._services.quality.known, meter_id),
            lambda known: self.show(known, register, at_ms),
            key="exchange",
            on_error=self._notices.tell,
        )

    def show(self, known: KnownMeter, register: str = "", at_ms: int | None = None) -> None:
        dialog = ExchangeDialog(
            self._page,
            self._page.context,
            self._services,
            known.meter,
            known.registers,
            register,
            at_ms,
        )
        dialog.entered.connect(self._on_entered)
        dialog.open()

    def _on_entered(self, result: ExchangeResult) -> None:
        event = result.events[0]
        moment = self._page.formats.full_moment(event.at_ms)
        where = " ".join(result.warnings) or "The energy across it is booked."
        tone = 2 if result.warnings else 0
        self._notices.say(f"{words.event_title(event)}, {moment}", where, tone)
        self._page.reload_changed()

    def ask_removal(self, event: RegisterEvent) -> None:
        """The question, then the deed."""
        question = Question(
            self._page,
            "Remove the exchange?",
            "The energy across it is quarantined again; serial number and ratio stay.",
            do="Remove exchange",
            leave="Keep it",
            facts=[("When", self._page.formats.full_moment(event.at_ms))],
        )
        question.answered.connect(partial(self._on_answered, event))
        question.open()

    def _on_answered(self, event: RegisterEvent, yes: bool) -> None:
        if yes:
            self.remove(event)

    def remove(self, event: RegisterEvent) -> None:
        """As if it had never been entered."""
        self._page.load(
            partial(self._services.exchanges.remove, event.event_id, event.meter_id),
            lambda _: self._page.reload_changed(),
            key="remove",
            on_error=self._notices.tell,
        )

    def ask_confirmation(self, event: RegisterEvent) -> None:
        """The question with both readings, then the deed."""
        formats = self._page.formats
        question = Question(
            self._page,
            "Are the readings of the exchange right?",
            "They would book far more than the meter ever used. If one is wrong, remove the "
            "exchange and enter it anew.",
            do="Readings are right",
            leave="Leave it held back",
            facts=[
                ("When", formats.full_moment(event.at_ms)),
                ("Old end reading", words.with_kwh(formats, event.old_end_wh)),
                ("New start reading", words.with_kwh(formats, event.new_start_wh)),
            ],
        )
        question.answered.connect(partial(self._on_confirmed, event))
        question.open()

    def _on_confirmed(self, event: RegisterEvent, yes: bool) -> None:
        if yes:
            self.confirm(event)

    def confirm(self, event: RegisterEvent) -> None:
        """Books what is held back."""
        self._page.load(
            partial(self._services.exchanges.confirm, event.event_id, event.meter_id),
            lambda _: self._page.reload_changed(),
            key="confirm",
            on_error=self._notices.tell,
        )

    def open_photo(self, name: str) -> None:
        """In the system's own viewer."""
        found: Path | None = self._services.quality.photo(name)
        if found is None:
            self._notices.say(name, "The photo is no longer in the site folder.", 2)
        else:
            QDesktopServices.openUrl(QUrl.fromLocalFile(str(found)))
