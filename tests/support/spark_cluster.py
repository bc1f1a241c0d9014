"""A cluster of Spark on the loopback: a master and workers, each a process of its own."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import time
from pathlib import Path

import pytest

_BEGINS_S = 60.0
_READY = "Successfully registered with master"


def free_port() -> int:
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        return int(bound.getsockname()[1])


class SparkCluster:
    """Two workers of one core. hidden: a folder in whose place they see one of their own, as
    machines do that share nothing; skips where the system does not let us do that.
    """

    def __init__(self, folder: Path, *, hidden: Path | None = None) -> None:
        if shutil.which("java") is None:
            pytest.skip("no Java on this machine: Spark cannot be started")
        pyspark = pytest.importorskip("pyspark", reason="the extra fleet-spark is not installed")
        self._home = Path(pyspark.__file__).parent
        self._folder = folder
        self._processes: list[subprocess.Popen[bytes]] = []
        folder.mkdir(parents=True, exist_ok=True)
        port = free_port()
        self.master = f"spark://127.0.0.1:{port}"
        aside = [] if hidden is None else _with_another(hidden)
        try:
            self._start("master", [], "Master", "--port", str(port))
            self._wait("master", "Starting Spark master")
            for k in range(2):
                work = ["--cores", "1", "--memory", "1200m", "--work-dir", str(folder / f"work{k}")]
                self._start(f"worker{k}", aside, "Worker", *work, self.master)
            for k in range(2):
                self._wait(f"worker{k}", _READY)
        except BaseException:
            self.close()
            raise

    def kill_worker(self) -> None:
        """The first worker goes, with all it computes, without a word."""
        os.killpg(self._processes[1].pid, signal.SIGKILL)
        self._processes[1].wait(30)

    def close(self) -> None:
        for process in reversed(self._processes):
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGTERM)
        for process in self._processes:
            try:
                process.wait(30)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait(30)

    def _start(self, name: str, before: list[str], role: str, *arguments: str) -> None:
        command = [
            *before,
            str(self._home / "bin" / "spark-class"),
            f"org.apache.spark.deploy.{role.lower()}.{role}",
            "--host", "127.0.0.1", "--webui-port", str(free_port()), *arguments,
        ]  # fmt: skip
        environment = {**os.environ, "SPARK_LOCAL_IP": "127.0.0.1", "SPARK_HOME": str(self._home)}
        with (self._folder / f"{name}.log").open("wb") as log:
            self._processes.append(
                subprocess.Popen(
                    command,
                    env=environment,
                    stdout=log,
                    stderr=subprocess.STDOUT,
                    start_new_session=True,
                )
            )

    def _wait(self, name: str, words: str) -> None:
        log, until = self._folder / f"{name}.log", time.monotonic() + _BEGINS_S
        while words not in log.read_text(encoding="utf-8", errors="replace"):
            assert time.monotonic() < until, f"{name} did not begin:\n{log.read_text()[-2000:]}"
            time.sleep(0.2)


def _with_another(folder: Path) -> list[str]:
    """What runs a command to which `folder` is an empty disk."""
    before = ["unshare", "--map-root-user", "--mount"]
    if shutil.which("unshare") is None or subprocess.run([*before, "true"]).returncode != 0:
        pytest.skip("this system lets nobody hide a folder from a process")
    return [*before, "sh", "-c", 'mount -t tmpfs none "$0" && exec "$@"', str(folder)]
