"""When a backup is due, which ones stay, and what is said when none could be made."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from energy_desktop.domain.configuration import Configuration
from energy_desktop.domain.errors import StoreError
from energy_desktop.domain.settings import ProgramSettings
from energy_desktop.domain.site import Site
from energy_desktop.services.backups import (
    BackupService,
    backup_folders,
    backups_in,
    to_keep,
)

FOUR_IN_THE_AFTERNOON = datetime(2026, 3, 20, 15, 0, tzinfo=UTC)


class Desk:
    """A service whose clock, settings and store are in the test's hand."""

    def __init__(self, folder: Path, **settings: object) -> None:
        self.now = FOUR_IN_THE_AFTERNOON
        self.settings = ProgramSettings(**settings)
        self.kept: dict[str, str] = {}
        self.broken = ""
        self.where = "/data/site.sqlite"
        self.folder = folder / "backups"
        self.service = BackupService(
            self, self, lambda: self.now, lambda: self.settings, self.folder
        )

    def load(self) -> Configuration:
        return Configuration(site=Site("Works", "Europe/Berlin"))

    def setting(self, name: str) -> str | None:
        return self.kept.get(name)

    def save_setting(self, name: str, value: str) -> None:
        self.kept[name] = value

    def backup(self, target: Path) -> None:
        if self.broken:
            raise StoreError(where="disk", what=self.broken, remedy="Make room.")
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(b"a copy")

    def pass_time(self, **span: float) -> None:
        self.now += timedelta(**span)


@pytest.fixture
def desk(tmp_path):
    return Desk(tmp_path)


def test_a_new_site_waits_for_its_first_daily_moment(desk):
    assert not desk.service.due()

    desk.pass_time(hours=10.4)  # 02:24 in Berlin
    assert not desk.service.due()
    desk.pass_time(hours=0.2)
    assert desk.service.due()


def test_one_backup_a_day_and_one_for_days_that_were_missed(desk):
    desk.service.due()
    desk.pass_time(days=4)

    made = desk.service.back_up_when_due()

    assert Path(made.file).name == "site-20260324T150000Z.sqlite"
    assert desk.service.back_up_when_due() is None
    desk.pass_time(hours=12)
    assert desk.service.back_up_when_due() is not None
    assert [b.at_ms for b in desk.service.kept()] == sorted(
        (b.at_ms for b in desk.service.kept()), reverse=True
    )


def test_a_moment_that_the_clock_change_skips_is_not_waited_for_twice(tmp_path):
    desk = Desk(tmp_path, backup_at="02:30")  # 2026-03-29 has no 02:30 in Berlin
    desk.now = datetime(2026, 3, 28, 12, 0, tzinfo=UTC)
    desk.service.back_up()

    desk.now = datetime(2026, 3, 29, 3, 0, tzinfo=UTC)
    first = desk.service.back_up_when_due()
    desk.pass_time(hours=6)

    assert first is not None
    assert desk.service.back_up_when_due() is None


def test_a_failure_is_told_kept_and_tried_again_after_an_hour(desk, caplog):
    desk.service.due()
    desk.pass_time(days=1)
    desk.broken = "the disk is full."

    assert desk.service.back_up_when_due() is None
    assert "the disk is full" in desk.service.last_failure().sentence
    assert "the disk is full" in caplog.text
    desk.broken = ""
    desk.pass_time(minutes=59)
    assert desk.service.back_up_when_due() is None
    desk.pass_time(minutes=2)
    assert desk.service.back_up_when_due() is not None
    assert desk.service.last_failure() is None


def test_without_a_time_backups_are_made_by_hand_only(tmp_path):
    desk = Desk(tmp_path, backup_at="")
    desk.service.due()
    desk.pass_time(days=30)

    assert not desk.service.due()


def test_a_second_folder_gets_each_backup_and_is_tidied_too(tmp_path):
    desk = Desk(
        tmp_path, backup_second_folder=str(tmp_path / "far" / "away"), backups_kept=2,
        backups_weekly=0, backups_monthly=0,
    )  # fmt: skip
    for _ in range(4):
        made = desk.service.back_up()
        desk.pass_time(days=1)

    assert Path(made.second).read_bytes() == b"a copy"
    assert len(list((tmp_path / "far" / "away").iterdir())) == 2
    assert len(desk.service.kept()) == 2


def test_a_second_folder_that_is_gone_is_said_and_the_first_copy_stays(tmp_path):
    (tmp_path / "file").write_bytes(b"")
    desk = Desk(tmp_path, backup_second_folder=str(tmp_path / "file" / "in"))

    with pytest.raises(StoreError, match="was made, but not copied there"):
        desk.service.back_up()

    assert len(desk.service.kept()) == 1
    assert "second folder" in desk.service.last_failure().sentence


def test_files_of_others_are_never_removed(tmp_path):
    desk = Desk(tmp_path, backups_kept=1, backups_weekly=0, backups_monthly=0)
    desk.folder.mkdir()
    foreign = desk.folder / "site-old copy.sqlite"
    foreign.write_bytes(b"mine")

    for _ in range(3):
        desk.service.back_up()
        desk.pass_time(days=1)

    assert foreign.exists()
    assert len(desk.service.kept()) == 1


moments = st.lists(
    st.integers(0, 3 * 365 * 24 * 60).map(
        lambda minutes: datetime(2024, 1, 1, tzinfo=UTC) + timedelta(minutes=minutes)
    ),
    max_size=60,
    unique=True,
)


@given(moments, st.integers(0, 12), st.integers(0, 10), st.integers(0, 14))
def test_what_stays_is_the_newest_and_the_last_of_weeks_and_months(made, newest, weekly, monthly):
    kept = to_keep(made, newest, weekly, monthly)

    ascending = sorted(made)
    assert kept <= set(made)
    assert set(ascending[len(ascending) - newest :] if newest else ()) <= kept
    assert len(kept) <= newest + weekly + monthly
    if monthly and made:
        assert ascending[-1] in kept
        months = {(m.year, m.month) for m in made}
        assert len({(m.year, m.month) for m in kept}) >= min(monthly, len(months))


def test_the_newest_backup_is_opened_again_once_a_week_and_what_it_lost_is_told(desk):
    asked = []

    def rotten(file):
        asked.append(file)
        raise StoreError(where=file.name, what="the backup is damaged.", remedy="Take another.")

    assert not desk.service.prove_when_due(asked.append)  # there is none yet
    made = desk.service.back_up()
    assert desk.service.prove_when_due(asked.append)
    desk.pass_time(days=6)
    assert not desk.service.prove_when_due(rotten)
    desk.pass_time(days=1)
    assert desk.service.prove_when_due(rotten)

    assert asked == [Path(made.file)] * 2
    assert "the backup is damaged" in desk.service.last_failure().sentence


def test_where_backups_lie_is_known_without_the_store(desk, tmp_path):
    made = desk.service.back_up()
    desk.pass_time(days=1)
    desk.settings = ProgramSettings(
        backup_folder=str(tmp_path / "nas"), backup_second_folder=str(tmp_path / "usb")
    )
    newer = desk.service.back_up()

    folders = backup_folders(desk.folder)
    found = backups_in(folders, desk.where)

    assert folders == (tmp_path / "nas", tmp_path / "usb", desk.folder)
    assert [b.file for b in found] == [newer.file, made.file]
