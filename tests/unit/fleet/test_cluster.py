"""Workers that do not see what this machine sees are named, and lost rows are counted."""

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from energy_desktop.domain.errors import UserFacingError
from energy_desktop.fleet.cluster import refuse_lost_rows, refuse_unshared


class WorkerError(Exception):
    """As Spark raises what went wrong elsewhere."""


@pytest.fixture
def scratch(tmp_path):
    (tmp_path / "out" / "scratch").mkdir(parents=True)
    return tmp_path / "out" / "scratch"


@pytest.fixture
def files(tmp_path):
    made = [tmp_path / f"{k}.csv" for k in range(9)]
    for file in made:
        file.write_text("household,time,kwh\n")
    return made


def asked(scratch, files, *, before=lambda: None):
    """Workers that see this very disk; `before` is what happens until they look."""

    def ask(look, numbers):
        before()
        return [look(number) for number in numbers]

    refuse_unshared(ask, (WorkerError,), scratch, files, 4)


def test_workers_that_see_the_same_are_asked_and_leave_nothing_behind(scratch, files):
    asked(scratch, files)

    assert list(scratch.iterdir()) == []


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda scratch, files: files[-1].unlink(), r"it cannot see .*8\.csv \(No such file"),
        (lambda scratch, files: files[4].write_text("x"), r"4\.csv is another file there, of 1 "),
        (lambda scratch, files: next(scratch.iterdir()).unlink(), r"it does not see .*out\. Let"),
    ],
)
def test_what_a_worker_does_not_see_is_named(scratch, files, change, words):
    with pytest.raises(UserFacingError, match=words):
        asked(scratch, files, before=lambda: change(scratch, files))

    assert list(scratch.iterdir()) == []


@pytest.mark.parametrize(
    ("error", "words"),
    [
        ("at x\nModuleNotFoundError: No module named 'energy_desktop'", "Install the same version"),
        (
            "Job aborted: the executor was lost.\n  at y",
            "asked: Job aborted: the executor was lost",
        ),
        ("", "asked: WorkerError"),
    ],
)
def test_workers_that_cannot_look_are_a_sentence(scratch, files, error, words):
    def fail():
        raise WorkerError(error)

    with pytest.raises(UserFacingError, match=words):
        asked(scratch, files, before=fail)


def test_rows_that_are_not_there_are_missed(tmp_path):
    for part in ("part=0", "part=1"):
        (tmp_path / part).mkdir()
        pq.write_table(pa.table({"mwh": [1, 2]}), tmp_path / part / "a.parquet")

    refuse_lost_rows(tmp_path, 4)
    with pytest.raises(UserFacingError, match="wrote 6 rows, and 4 of them can be seen"):
        refuse_lost_rows(tmp_path, 6)
    with pytest.raises(UserFacingError, match="and 0 of them"):
        refuse_lost_rows(tmp_path / "nowhere", 1)
