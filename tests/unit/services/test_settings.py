"""Settings are read by their declaration, stored together or not at all, and followed."""

from collections.abc import Iterator
from dataclasses import fields, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from energy_desktop.domain.configuration import Configuration
from energy_desktop.domain.errors import DataFileError, StoreError
from energy_desktop.domain.settings import PROGRAM, SITE, BadSetting, ProgramSettings
from energy_desktop.domain.site import Site
from energy_desktop.services.settings import InvalidSettings, Places, Program, SettingsService
from energy_desktop.services.site_file import parse
from energy_desktop.storage import Store, open_store


class Clock:
    def __init__(self) -> None:
        self.now = datetime(2026, 11, 21, 5, 0, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now


class NoDrivers:
    def drivers(self) -> tuple:
        return ()

    def errors(self) -> tuple:
        return ()


class Bench:
    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.clock = Clock()
        self.store: Store = open_store(folder / "site.sqlite", clock=self.clock)
        site = Site("Works", "Europe/Berlin", bank_iban="DE00 is kept as it was")
        self.store.configuration.replace(Configuration(site=site))
        self.followed: list[Configuration] = []
        notices = folder / "notices.md"
        notices.write_text("MIT and others", encoding="utf-8")
        self.settings = SettingsService(
            self.store.configuration,
            self.store,
            NoDrivers(),
            self.clock,
            Places(folder, folder / "drivers", folder / "papers", folder / "backups", notices),
            Program("1.2.3", "kim"),
            self.followed.append,
        )

    @property
    def site(self) -> Site:
        return self.store.configuration.load().site


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    made = Bench(tmp_path)
    yield made
    made.store.close()


def test_facts_of_the_site_are_stored_in_stored_units_and_followed(bench: Bench):
    stored = bench.settings.change_site(
        {"contract_demand_w": "90,5", "price_import_per_kwh": "0.2480", "name": " Lindenhof "}
    )

    assert stored == bench.site
    assert stored.contract_demand_w == 90_500.0
    assert stored.price_import_per_kwh == Decimal("0.2480")
    assert [c.site.name for c in bench.followed] == ["Lindenhof"]


def test_one_wrong_entry_keeps_every_entry_from_being_stored(bench: Bench):
    before = bench.site

    with pytest.raises(InvalidSettings) as refused:
        bench.settings.change_site(
            {"name": "Other", "nominal_voltage_v": "12", "zone": "Berlin/Mitte"}
        )

    assert set(refused.value.faults) == {"nominal_voltage_v", "zone"}
    assert "50 to 1000 V" in refused.value.faults["nominal_voltage_v"]
    assert bench.site == before
    assert bench.followed == []


def test_what_was_entered_before_and_is_untouched_stands_in_no_way(bench: Bench):
    bench.settings.change_site({"operator": "Kim & Söhne"})

    assert bench.site.operator == "Kim & Söhne"
    assert bench.site.bank_iban == "DE00 is kept as it was"


def test_the_same_values_are_not_followed(bench: Bench):
    bench.settings.change_site({"name": "Works", "currency": "eur"})

    assert bench.followed == []


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("name", "  "),
        ("country", "Germany"),
        ("currency", "€"),
        ("price_import_per_kwh", "0.12345"),
        ("price_import_per_kwh", "cheap"),
        ("price_import_per_kwh", "1,234.5"),
        ("nominal_voltage_v", ""),
        ("contract_demand_w", "-1"),
        ("contract_demand_w", "nan"),
        ("bank_iban", "DE89 3704 0044 0532 0130 01"),
        ("operator_address", "\n".join("1234567")),
    ],
)
def test_what_cannot_be_meant_is_refused_in_a_sentence(name: str, text: str):
    with pytest.raises(BadSetting, match=r"\.$"):
        SITE[name].read(text)


def test_an_iban_with_fitting_check_digits_is_written_in_fours():
    assert SITE["bank_iban"].read("de89370400440532013000") == "DE89 3704 0044 0532 0130 00"


@given(st.integers(0, 10**9).map(float))
def test_a_written_number_is_read_back(watts: float):
    demand = SITE["contract_demand_w"]

    assert demand.read(demand.write(watts)) == watts


def test_every_fact_of_the_site_is_declared_and_its_default_can_be_entered():
    assert set(SITE) == {f.name for f in fields(Site)}
    for declared in (*SITE.values(), *PROGRAM.values()):
        if declared.default is not None:
            assert declared.read(declared.write(declared.default)) == declared.default
        assert declared.help.endswith(".")


def test_program_settings_are_kept_and_what_is_unreadable_counts_as_not_set(
    bench: Bench, tmp_path: Path
):
    bench.settings.change_program({"backups_kept": "3", "backup_folder": str(tmp_path / "b")})
    assert bench.settings.program() == ProgramSettings(
        backup_folder=str(tmp_path / "b"), backups_kept=3
    )

    bench.store.configuration.save_setting("program.backups_kept", "many")
    assert bench.settings.program().backups_kept == 10


def test_a_folder_that_cannot_be_made_is_refused_beside_its_field(bench: Bench, tmp_path: Path):
    (tmp_path / "file").write_text("x", encoding="utf-8")

    with pytest.raises(InvalidSettings) as refused:
        bench.settings.change_program(
            {"backup_folder": str(tmp_path / "file" / "in"), "backups_kept": "2"}
        )

    assert set(refused.value.faults) == {"backup_folder"}
    assert bench.settings.program() == ProgramSettings()


def test_a_backup_is_made_told_and_can_be_opened(bench: Bench):
    made = bench.settings.back_up()

    assert Path(made.file).stat().st_size == made.size_bytes > 0
    with open_store(made.file, read_only=True) as copy:
        assert copy.configuration.load().site == bench.site
    assert bench.settings.load().last_backup == replace(made, removed=0)


def test_of_the_backups_made_here_only_the_newest_are_kept_and_other_files_never_touched(
    bench: Bench,
):
    bench.settings.change_program({"backups_kept": "2"})
    foreign = bench.folder / "backups" / "site-of-my-own.sqlite"
    foreign.parent.mkdir()
    foreign.write_text("mine", encoding="utf-8")

    made = []
    for _ in range(3):
        bench.clock.now += timedelta(minutes=1)
        made.append(bench.settings.back_up())

    left = {str(f) for f in foreign.parent.iterdir()}
    assert left == {made[1].file, made[2].file, str(foreign)}
    assert made[2].removed == 1


def test_a_sound_store_has_no_damage_and_says_what_it_runs_on(bench: Bench):
    picture = bench.settings.load()

    assert bench.settings.find_damage() == ()
    assert picture.software.startswith("SQLite 3.")
    assert picture.database.endswith("site.sqlite")
    assert picture.database_bytes > 0
    assert "Europe/Berlin" in picture.zones


def test_the_exported_site_is_the_site(bench: Bench, tmp_path: Path):
    out = tmp_path / "out.toml"

    size = bench.settings.export_site(out)

    assert out.stat().st_size == size
    assert parse(out.read_text(encoding="utf-8"), "out.toml").site == bench.site
    with pytest.raises(DataFileError):
        bench.settings.export_site(tmp_path / "nowhere" / "out.toml")


def test_a_failed_backup_is_not_told_as_the_last_one(bench: Bench, monkeypatch):
    def fail(_: Path) -> None:
        raise StoreError(where="x", what="the disk is full.", remedy="")

    monkeypatch.setattr(bench.store, "backup", fail)

    with pytest.raises(StoreError):
        bench.settings.back_up()
    assert bench.settings.load().last_backup is None


def test_licences_are_read_from_the_program(bench: Bench):
    assert bench.settings.notices() == "MIT and others"
