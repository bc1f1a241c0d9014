"""FAULTS row 27 at the window: a second start is no second program. Each start is a process."""

import shutil
import signal
import stat
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from tests.e2e.conftest import ROOT, Program

SITE = '[site]\nname = "Works"\nzone = "Europe/Berlin"\n'


@pytest.fixture
def site(program, tmp_path, monkeypatch):
    """A site of no meters, and a folder for sockets that only this test uses."""
    # Not below tmp_path: the name of a socket has 107 bytes at most.
    with TemporaryDirectory(prefix="door-") as sockets:
        monkeypatch.setenv("XDG_RUNTIME_DIR", sockets)
        monkeypatch.setenv("QT_QPA_PLATFORM", "offscreen")
        program.sockets = Path(sockets)
        file = tmp_path / "site.toml"
        file.write_text(SITE, encoding="utf-8")
        program("apply", file)
        yield program


@contextmanager
def a_window(site: Program, way: str = "wait"):
    """A first start whose site runs; ended at the end, if it has not by itself."""
    child = subprocess.Popen(
        [sys.executable, "-m", "tests.e2e.door_child", str(site.site), way],
        stdout=subprocess.PIPE,
        text=True,
        cwd=ROOT,
    )
    try:
        assert child.stdout.readline() == "open\n"
        yield child
    finally:
        if child.poll() is None:
            child.kill()
        child.wait(10)
        child.stdout.close()


def socket_of(site: Program) -> Path:
    (socket,) = site.sockets.glob("energy_desktop-*")
    return socket


def test_a_second_start_brings_the_first_window_to_the_front_and_ends(site, tmp_path):
    with a_window(site) as first:
        mode = socket_of(site).stat().st_mode
        other_path = tmp_path / "link"
        other_path.symlink_to(site.site)

        second = Program(other_path).ended("window")

        assert second.returncode == 0
        assert second.stdout == (
            f"The window of {other_path} was open already; it is in front now.\n"
        )
        assert first.stdout.readline() == "front\n"
        assert first.wait(30) == 0
    assert stat.S_ISSOCK(mode)
    assert stat.S_IMODE(mode) & 0o077 == 0
    assert list(site.sockets.glob("energy_desktop-*")) == []


def test_what_a_killed_window_left_keeps_nobody_out(site):
    with a_window(site) as first:
        first.kill()
        first.wait(10)
        assert socket_of(site).exists()

    with a_window(site) as next_one:
        after = site.ended("window")

        assert after.returncode == 0
        assert next_one.stdout.readline() == "front\n"
        assert next_one.wait(30) == 0


def test_a_window_that_hangs_is_said_and_no_second_one_opened(site):
    with a_window(site) as first:
        first.send_signal(signal.SIGSTOP)
        try:
            second = site.ended("window")
        finally:
            first.send_signal(signal.SIGCONT)

    assert second.returncode == 3
    assert "open already and does not answer" in second.stderr


def test_another_site_is_another_window(site, tmp_path):
    shutil.copytree(site.site, tmp_path / "other")

    with a_window(site) as first, a_window(Program(tmp_path / "other"), "leave") as other:
        assert other.wait(30) == 0
        assert first.poll() is None


def test_a_command_that_needs_the_store_is_refused_as_before(site):
    with a_window(site) as first:
        served = site.ended("serve", "--for", 1)

        assert first.poll() is None
    assert served.returncode == 3
    assert str(first.pid) in served.stderr
