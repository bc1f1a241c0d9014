"""The settings page: drafts until saved, faults beside their field, search over everything."""

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest
from PySide6.QtWidgets import QPlainTextEdit

from energy_desktop.domain.errors import StoreError
from energy_desktop.domain.keeping import DailyRoom
from energy_desktop.domain.settings import SITE, ProgramSettings
from energy_desktop.domain.site import Site
from energy_desktop.services.backups import Backup
from energy_desktop.services.settings import (
    InvalidSettings,
    Places,
    Program,
    SettingsPicture,
)
from energy_desktop.ui import theme
from energy_desktop.ui.views.settings.page import SettingsView

PICTURE = SettingsPicture(
    site=Site("Lindenhof", "Europe/Berlin", contract_demand_w=90_000.0),
    program=ProgramSettings(),
    info=Program("1.2.3", "kim"),
    places=Places(Path("/s"), Path("/s/drivers"), None, Path("/s/backups"), Path("/n")),
    database="/s/site.sqlite",
    software="SQLite 3.50.4",
    encrypted=False,
    database_bytes=107_200_000,
    free_disk_bytes=77_500_000_000,
    last_backup=None,
    backup_failure=None,
    driver_count=13,
    driver_errors=("own.toml, line 3: no such format.",),
    zones=("Europe/Berlin", "Europe/Paris"),
    daily_room=DailyRoom(170e6, 4e6, 1.2e6, measured=True),
)


class FakeSettings:
    def __init__(self) -> None:
        self.picture = PICTURE
        self.saved: list[dict[str, str]] = []
        self.refuse: dict[str, str] = {}
        self.backup_fails = False

    def load(self) -> SettingsPicture:
        return self.picture

    def change_site(self, entries: dict[str, str]) -> Site:
        if self.refuse:
            raise InvalidSettings(self.refuse)
        self.saved.append(dict(entries))
        values = {name: SITE[name].read(text) for name, text in entries.items()}
        self.picture = replace(self.picture, site=replace(self.picture.site, **values))
        return self.picture.site

    def change_program(self, entries: dict[str, str]) -> ProgramSettings:
        self.saved.append(dict(entries))
        return self.picture.program

    def back_up(self) -> Backup:
        if self.backup_fails:
            raise StoreError(where="/s", what="the disk is full.", remedy="Make room.")
        return Backup("/s/backups/site-1.sqlite", 107_000_000, 1_760_000_000_000)

    def find_damage(self) -> tuple[str, ...]:
        return ()

    def ready_folder(self, folder: Path) -> Path:
        return folder


class FakeAppearance:
    locale = "en"

    def __init__(self, themed) -> None:
        self._themed = themed
        self.sites: list[Site] = []
        self.to_restore: list[str] = []

    def use_theme(self, name: str) -> None:
        self._themed(name)

    def use_locale(self, name: str) -> None:
        self.locale = name

    def site_changed(self, site: Site) -> None:
        self.sites.append(site)

    def offer_restore(self, found: str) -> None:
        self.to_restore.append(found)


@pytest.fixture
def page(qtbot, context, themed):
    settings, appearance = FakeSettings(), FakeAppearance(themed)
    opened: list[Path] = []
    view = SettingsView(context, settings, appearance, open_path=opened.append)
    qtbot.addWidget(view)
    view.resize(1150, 640)
    view.show()
    view.show_picture(PICTURE)
    return SimpleNamespace(view=view, settings=settings, appearance=appearance, opened=opened)


def test_a_wrong_entry_is_told_beside_its_field_and_nothing_can_be_saved(page):
    row = page.view.site.entries["nominal_voltage_v"]

    row.set_text("12")
    page.view.site.save()

    assert not row.notice.isHidden()
    assert "50 to 1000 V" in row.notice.accessibleName()
    assert not page.view.site.save_button.isEnabled()
    assert page.settings.saved == []
    assert page.view.answer == "1 change is not saved yet."


def test_only_what_was_changed_is_saved_and_in_one_go(page, qtbot):
    page.view.prices.entries["contract_demand_w"].set_text("95")
    page.view.prices.entries["currency"].set_text("chf")

    page.view.prices.save()

    qtbot.waitUntil(lambda: not page.view.prices.changes())
    assert page.settings.saved == [{"contract_demand_w": "95", "currency": "chf"}]
    assert page.view.prices.entries["currency"].text == "CHF"
    assert [s.currency for s in page.appearance.sites] == ["CHF"]
    assert page.view.prices.bar.isHidden()


def test_a_refusal_leaves_the_draft_and_names_the_field(page, qtbot):
    page.settings.refuse = {"zone": "This zone is unknown."}
    row = page.view.site.entries["zone"]
    row.set_text("Europe/Paris")

    page.view.site.save()

    qtbot.waitUntil(lambda: not page.view.outcome.warning.isHidden())
    assert row.text == "Europe/Paris"
    assert row.notice.accessibleName() == "This zone is unknown."
    assert not row.notice.isHidden()


def test_undo_brings_back_what_is_stored_and_reset_drafts_the_default(page):
    row = page.view.site.entries["country"]
    row.set_text("FR")
    page.view.site.undo()
    assert row.text == "DE"

    demand = page.view.prices.entries["contract_demand_w"]
    demand.reset_button.click()
    assert page.view.prices.changes() == {"contract_demand_w": ""}


def test_reading_again_keeps_a_draft(page):
    page.view.site.entries["name"].set_text("Other")

    page.view.show_picture(PICTURE)

    assert page.view.site.changes() == {"name": "Other"}


def test_the_same_number_written_otherwise_is_no_change(page):
    page.view.prices.entries["contract_demand_w"].set_text("90.0")

    assert page.view.prices.changes() == {}


def test_search_shows_what_fits_and_never_hides_a_draft(page):
    page.view.billing.entries["operator"].set_text("Kim")

    page.view.search.setText("nominal volt")

    assert not page.view.site.entries["nominal_voltage_v"].isHidden()
    assert page.view.site.entries["zone"].isHidden()
    assert page.view.about.isHidden()
    assert not page.view.billing.isHidden()
    assert not page.view.billing.entries["operator"].isHidden()
    assert page.view.billing.entries["tax_id"].isHidden()
    page.view.search.setText("xyzzy")
    assert page.view.site.isHidden()


def test_theme_and_number_format_show_at_once(page):
    page.view.looks.entries["theme"].set_text("dark")
    page.view.looks.entries["locale"].set_text("de")

    assert theme.current().name == "dark"
    assert page.appearance.locale == "de"


def test_another_number_format_waits_for_drafts_which_new_pages_would_lose(page):
    page.view.site.entries["name"].set_text("Other")

    page.view.looks.entries["locale"].set_text("de")
    assert page.appearance.locale == "en"
    page.view.site.undo()

    assert page.appearance.locale == "de"


def test_numbers_are_written_with_the_readers_decimal_mark(page, context, qtbot):
    context.formats.use_locale("de")
    view = SettingsView(context, page.settings, page.appearance)
    qtbot.addWidget(view)
    view.show_picture(PICTURE)

    price = view.prices.entries["price_import_per_kwh"]
    assert price.text == "0,2500"
    assert view.prices.changes() == {}
    price.set_text("0,31")
    assert view.prices.changes() == {"price_import_per_kwh": "0,31"}
    assert price.fault == ""


def test_a_backup_tells_its_file_and_size_and_a_failed_one_says_why(page, qtbot):
    page.view.facts.back_up()
    qtbot.waitUntil(lambda: not page.view.outcome.notice.isHidden())
    assert "107.0\u00a0MB" in page.view.outcome.notice.accessibleName()
    assert "/s/backups/site-1.sqlite" in page.view.outcome.notice.accessibleName()

    page.settings.backup_fails = True
    page.view.facts.back_up()
    qtbot.waitUntil(lambda: not page.view.outcome.warning.isHidden())
    assert "the disk is full" in page.view.outcome.warning.accessibleName()
    assert page.view.facts.last_backup.text == "None yet."


def test_damage_is_listed_and_its_absence_said(page):
    page.view.facts.show_damage(("main, power_w: damaged.", "gate: damaged."))
    assert "2 damaged places" in page.view.facts.damage.text
    assert "gate: damaged." in page.view.facts.damage.text

    page.view.facts.restore_button.click()
    assert page.appearance.to_restore == ["main, power_w: damaged."]

    page.view.facts.show_damage(())
    assert page.view.facts.restore_button.isHidden()
    assert page.view.facts.damage.text.startswith("Sound at")


def test_faulty_driver_files_are_named_and_the_folder_opens(page, qtbot):
    assert "own.toml, line 3" in page.view.facts.driver_folder.text
    assert page.view.answer.endswith("1 faulty driver file.")

    page.view.facts.open(page.view.facts.driver_folder)

    qtbot.waitUntil(lambda: page.opened == [Path("/s/drivers")])


def test_encryption_and_rights_are_told_as_they_are(page):
    assert "plain SQLite" in page.view.facts.encryption.text
    assert "no roles yet" in page.view.facts.rights.text


def test_the_search_of_the_window_leads_to_the_field(page, qtbot):
    page.view.activateWindow()
    page.view.reveal("bank_iban")

    qtbot.waitUntil(page.view.billing.entries["bank_iban"].field.hasFocus)
    qtbot.waitUntil(lambda: page.view.area.verticalScrollBar().value() > 100)


def test_licences_are_shown_as_plain_text(page, qtbot):
    dialog = page.view.facts.show_notices("| PySide6 | LGPL |")
    qtbot.addWidget(dialog)

    assert dialog.findChild(QPlainTextEdit).toPlainText() == "| PySide6 | LGPL |"
    dialog.reject()


def test_how_long_readings_are_kept_is_told_in_bytes_while_one_types(page):
    said = page.view.facts.retention
    assert (
        "31 days of each reading and 730 days of a value a minute: about 8.1\u00a0GB" in said.text
    )
    assert "7 days 4.1\u00a0GB, 92 days 18.2\u00a0GB, 366 days 63.7\u00a0GB" in said.text

    page.view.keeping.entries["raw_days"].set_text("3000")
    assert "3000 days of each reading" in said.text
    assert "The disk has only 77.5\u00a0GB free." in said.text

    page.view.keeping.entries["raw_days"].set_text("2")
    assert not page.view.keeping.save_button.isEnabled()
    page.view.keeping.entries["raw_days"].set_text("92")
    page.view.keeping.save()
    assert page.settings.saved == [{"raw_days": "92"}]
