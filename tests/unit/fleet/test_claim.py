"""The folder of results belongs to one process at a time, and only what is marked is taken away."""

import errno

import pytest

from energy_desktop.domain.errors import DataFileError, FleetBusy, StoreError
from energy_desktop.fleet import claim
from energy_desktop.fleet.claim import claimed
from energy_desktop.fleet.manifest import Manifest


def below(folder):
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*"))


def test_the_second_waits_its_turn_and_gets_it(tmp_path):
    out = tmp_path / "out"
    with claimed(out):
        Manifest.begin(out, "key", {})
        with pytest.raises(FleetBusy, match="Wait until it is done"), claimed(out):
            pytest.fail("it is not free")

    with claimed(out) as scratch:
        assert scratch.parent == out


def test_a_folder_made_for_nothing_is_taken_away_again(tmp_path):
    with claimed(tmp_path / "out") as scratch:
        (scratch / "deep").mkdir()
        (scratch / "deep" / "spilled").write_text("x")

    assert below(tmp_path) == []


def test_what_the_user_puts_beside_it_stays(tmp_path):
    with claimed(tmp_path / "out"):
        (tmp_path / "out" / "notes.txt").write_text("mine")

    assert below(tmp_path) == ["out", "out/notes.txt"]


def test_a_folder_that_was_deleted_meanwhile_is_no_failure(tmp_path):
    with claimed(tmp_path / "out") as scratch:
        for path in (*scratch.iterdir(), scratch, tmp_path / "out" / claim.LOCK):
            path.rmdir() if path.is_dir() else path.unlink()
        (tmp_path / "out").rmdir()

    assert below(tmp_path) == []


def test_where_nothing_can_be_locked_a_run_works_alone_and_clears_nothing(tmp_path, monkeypatch):
    def no_locks(_file):
        raise OSError(errno.ENOTSUP, "Operation not supported")

    other = tmp_path / "out" / ".scratch-other"
    other.mkdir(parents=True)
    (other / "made-by-energy-desktop").touch()
    monkeypatch.setattr(claim, "try_lock", no_locks)

    with claimed(tmp_path / "out") as scratch:
        assert scratch.is_dir()

    assert other.is_dir()
    assert not scratch.exists()


@pytest.mark.parametrize(
    ("number", "said"), [(errno.ENOSPC, "The disk is full"), (errno.EROFS, "Read-only")]
)
def test_what_cannot_be_written_is_said(tmp_path, monkeypatch, number, said):
    def fails(**_):
        raise OSError(number, "Read-only file system")

    monkeypatch.setattr(claim.tempfile, "mkdtemp", fails)

    with pytest.raises(StoreError, match=said), claimed(tmp_path / "out"):
        pytest.fail("it cannot be written")


def test_a_file_and_a_folder_of_something_else_are_refused(tmp_path):
    (tmp_path / "file").write_text("x")

    with pytest.raises(DataFileError, match="This is a file"), claimed(tmp_path / "file"):
        pytest.fail("it is a file")
    with pytest.raises(DataFileError, match="no fleet run"), claimed(tmp_path):
        pytest.fail("it holds a file")
    assert below(tmp_path) == ["file"]
