"""A run on a cluster of several processes: the same results, whoever dies, and none without the
folders that all must share.
"""

import json
import os
import threading
import time
from datetime import UTC, datetime

import pytest
from typer.testing import CliRunner

from energy_desktop.app.commands.root import app
from energy_desktop.domain.errors import UserFacingError
from tests.support.fleet_files import (
    LONDON,
    RESULT_KEYS,
    a_fleet,
    assert_same_rows,
    london_rows,
    write_csv,
)
from tests.support.spark_cluster import SparkCluster

pytestmark = [
    pytest.mark.timeout(600),
    pytest.mark.skipif(
        "ENERGY_DESKTOP_CLUSTER" not in os.environ,
        reason="a cluster takes minutes: `make release-proof` runs it (ENERGY_DESKTOP_CLUSTER=1)",
    ),
]


def run(folder, out, *arguments):
    words = ["fleet", "run", str(folder), "--out", str(out), "--zone", "Europe/London", "--json"]
    return CliRunner().invoke(app, [*words, *arguments])


@pytest.fixture
def cluster(tmp_path):
    started = []

    def start(**options):
        started.append(SparkCluster(tmp_path / "cluster", **options))
        return started[-1]

    yield start
    for one in started:
        one.close()


@pytest.fixture
def folder(tmp_path):
    a_fleet(tmp_path / "in", households=8, days=70)
    return tmp_path / "in"


def killed_after_first_readings(cluster, out):
    """Kills a worker when the run has read its files, and says whether it came to that."""
    done = threading.Event()

    def watch():
        until = time.monotonic() + 300
        while time.monotonic() < until:
            if list(out.glob("readings/*/part=*")):
                cluster.kill_worker()
                done.set()
                return
            time.sleep(0.1)

    thread = threading.Thread(target=watch)
    thread.start()
    return thread, done


@pytest.mark.parametrize("dies", [False, True], ids=["whole", "a worker dies"])
def test_a_cluster_gives_the_results_of_this_machine(cluster, folder, tmp_path, dies):
    there, here = tmp_path / "there", tmp_path / "here"
    cluster = cluster()
    thread, killed = killed_after_first_readings(cluster, there) if dies else (None, None)

    answer = run(folder, there, "--engine", "spark", "--master", cluster.master)

    if dies:
        thread.join()
        assert killed.is_set()
    assert answer.exit_code == 0, answer.stderr
    assert run(folder, here).exit_code == 0
    for result in RESULT_KEYS:
        if (here / result).exists():
            assert_same_rows(here, there, result)
    assert json.loads(answer.stdout)["rows_used"] == 8 * 70 * 48


@pytest.mark.parametrize(
    ("hidden", "missing"), [("in", "it cannot see "), ("out", "it does not see ")]
)
def test_workers_that_share_no_folders_are_told_before_anything_is_read(
    cluster, folder, tmp_path, hidden, missing
):
    (tmp_path / "out").mkdir()
    cluster = cluster(hidden=tmp_path / hidden)

    answer = run(folder, tmp_path / "out", "--engine", "spark", "--master", cluster.master)

    assert answer.exit_code == 3
    assert missing + str(tmp_path / hidden) in answer.stderr
    assert "under the same name" in answer.stderr
    assert not (tmp_path / "out" / "fleet.json").exists()


def test_rows_that_a_worker_wrote_to_a_disk_of_its_own_are_missed(cluster, tmp_path):
    """As when it joins after the workers were asked."""
    from energy_desktop.fleet.spark import SparkEngine

    (tmp_path / "out").mkdir()
    rows = london_rows("MAC1", [0.1] * 96, start=datetime(2013, 1, 1, tzinfo=UTC))
    write_csv(tmp_path / "in" / "a.csv", LONDON, rows)
    engine = SparkEngine(
        tmp_path / "scratch", master=cluster(hidden=tmp_path / "out").master, memory_mb=1000
    )
    try:
        table = engine.small("rows", pyarrow_rows())

        engine.write(table, tmp_path / "seen")
        with pytest.raises(UserFacingError, match="wrote 3 rows, and 0 of them can be seen here"):
            engine.write(table, tmp_path / "out" / "rows")
    finally:
        engine.close()


def pyarrow_rows():
    import pyarrow as pa

    return pa.table({"household": ["a", "b", "c"]})
