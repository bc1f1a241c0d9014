"""The program as its users start it: a command in a process of its own."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


class Program:
    """Runs `energy-desktop ...` on one site folder."""

    def __init__(self, site: Path) -> None:
        self.site = site

    def __call__(self, *words: object, code: int = 0, timeout_s: float = 90.0) -> str:
        """stdout of a command that must end with `code`."""
        ended = self.ended(*words, timeout_s=timeout_s)
        assert ended.returncode == code, f"{words}: {ended.returncode}\n{ended.stderr}"
        return ended.stdout

    def json(self, *words: object, **more: object):
        """The one JSON document that a command prints."""
        return json.loads(self(*words, "--json", **more))

    def ended(self, *words: object, timeout_s: float = 90.0) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "energy_desktop", "--site", str(self.site)]
        return subprocess.run(
            [*command, *map(str, words)],
            capture_output=True,
            text=True,
            timeout=timeout_s,
            cwd=ROOT,
            env={**os.environ, "QT_QPA_PLATFORM": "offscreen", "COLUMNS": "200"},
            check=False,
        )


@pytest.fixture
def program(tmp_path) -> Program:
    """The program on an empty folder."""
    return Program(tmp_path / "site")


@pytest.fixture(scope="session")
def demo(tmp_path_factory) -> Program:
    """The program on a demo site with 90 days of history, polled for some seconds."""
    running = Program(tmp_path_factory.mktemp("demo") / "site")
    running.served = running.json("serve", "--demo", "--for", 5, timeout_s=180)
    return running


@pytest.fixture(scope="session")
def screen():
    """The number of a virtual screen of 1366 x 768."""
    if shutil.which("Xvfb") is None:
        pytest.skip("Xvfb is not installed, so there is no X server to open a window on")
    read, write = os.pipe()
    server = subprocess.Popen(
        ["Xvfb", "-displayfd", str(write), "-screen", "0", "1366x768x24", "-nolisten", "tcp"],
        pass_fds=(write,),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    os.close(write)
    try:
        with os.fdopen(read) as number:
            yield f":{number.readline().strip()}"
    finally:
        server.terminate()
        server.wait(10)
