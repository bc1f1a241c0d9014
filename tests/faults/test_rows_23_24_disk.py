"""FAULTS rows 23 and 24: a disk that is full, and a folder that may not be written.

The full disk is a real one of three megabytes; who may not mount one sees the test skipped. Root
may write everywhere, so the folder without rights is met in a child that gave its rights up.
"""

import os
import resource
import subprocess
import sys
import tempfile
from contextlib import suppress
from pathlib import Path

import pytest

from energy_desktop.domain.errors import StoreError
from energy_desktop.storage import open_store
from tests.support.store_builders import HOUR_MS, T0, SetClock, readings

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="mounts a file system of Linux")

NOBODY = 65_534


@pytest.fixture
def small_disk(tmp_path):
    folder = tmp_path / "small"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=3m", "tmpfs", str(folder)]
    try:
        made = subprocess.run(mount, capture_output=True, timeout=10, check=False)
    except FileNotFoundError:
        pytest.skip("there is no mount command")
    if made.returncode != 0:
        pytest.skip(f"no small disk can be mounted here: {made.stderr.decode().strip()}")
    yield folder
    subprocess.run(["umount", "--lazy", str(folder)], timeout=10, check=False)


def test_row_23_a_full_disk_is_said_and_writing_goes_on_when_there_is_room(small_disk):
    filler = small_disk / "someone elses file"
    with open_store(small_disk / "s.db", engine_owner="t", clock=SetClock()) as store:
        store.start()
        early = list(readings(seconds=100))
        for snapshot in early:
            store.writer.put(snapshot)
        assert store.writer.flush()
        filler.write_bytes(bytes(free_bytes(small_disk)))

        for snapshot in readings(seconds=20_000, start_ms=T0 + 200_000, step_ms=100):
            store.writer.put(snapshot)
        assert not store.writer.flush()
        assert "full" in store.stats().failing
        assert store.stats().lost == 0
        assert count(store) >= 100  # what was committed stays readable

        filler.unlink()
        assert store.writer.flush()
        assert store.stats().failing == ""
        assert count(store) == 20_100


def test_row_24_an_error_of_the_disk_is_said_and_writing_goes_on_when_it_is_over(tmp_path):
    """A limit of the file size makes write(2) fail as a failing disk does."""
    path = tmp_path / "s.db"
    with open_store(path, engine_owner="t", clock=SetClock()) as store:
        for snapshot in readings(seconds=100):
            store.writer.put(snapshot)
        assert store.writer.flush()
        soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (4_096, hard))
        try:
            for snapshot in readings(seconds=3_000, start_ms=T0 + 200_000):
                store.writer.put(snapshot)
            assert not store.writer.flush()
            assert "the disk reports an error" in store.stats().failing
            assert store.stats().waiting == 3_000
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))

        assert store.writer.flush()
        assert store.stats().failing == ""
        assert store.stats().lost == 0
        assert count(store) == 3_100
        assert store.find_damage() == ()


@pytest.fixture
def anyones():
    """A folder to which every user finds the way; pytest's own lets only its user in."""
    with tempfile.TemporaryDirectory() as name:
        Path(name).chmod(0o755)
        yield Path(name)


def test_row_24_a_folder_without_rights_is_refused_in_one_sentence_and_left_alone(anyones):
    folder = anyones / "locked"
    folder.mkdir(mode=0o555)

    said = as_nobody(lambda: open_store(folder / "s.db", engine_owner="t", clock=SetClock()))

    assert said.startswith("StoreError: ")
    assert str(folder / "s.db") in said
    assert "Check the path and the rights of this user." in said
    assert list(folder.iterdir()) == []


def test_row_24_a_store_that_may_not_be_written_says_so_and_stays_as_it_was(anyones):
    path = anyones / "s.db"
    with open_store(path, engine_owner="t", clock=SetClock()) as store:
        store.writer.put(next(readings(seconds=1)))
        assert store.writer.flush()
    path.chmod(0o444)
    before = path.read_bytes()

    def write():
        with open_store(path, clock=SetClock()) as store:
            store.configuration.save_setting("a", "b")

    said = as_nobody(write)

    assert path.read_bytes() == before
    assert said.startswith("StoreError: ")
    assert "Give this user the right to write there." in said


def free_bytes(folder):
    found = os.statvfs(folder)
    return found.f_bavail * found.f_frsize


def count(store):
    return len(store.history.raw("m", "power_w", 0, T0 + HOUR_MS).values)


def as_nobody(work):
    """What `work` raised in a child without rights: `Kind: sentence`, or nothing."""
    receive, send = os.pipe()
    pid = os.fork()
    if pid == 0:
        said = ""
        try:
            if os.getuid() == 0:
                os.setgid(NOBODY)
                os.setuid(NOBODY)
            work()
        except StoreError as error:
            said = f"StoreError: {error}"
        except BaseException as error:  # noqa: BLE001  told to the parent, which judges it
            said = f"{type(error).__name__}: {error}"
        with suppress(OSError):
            os.write(send, said.encode())
        os._exit(0)
    os.close(send)
    with os.fdopen(receive) as pipe:
        said = pipe.read()
    os.waitpid(pid, 0)
    return said
