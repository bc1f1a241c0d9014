"""A PostgreSQL server of the tests' own: on loopback, in a temporary folder, ended with them.

ENERGY_DESKTOP_TEST_POSTGRES_URL names another server instead, whose database the tests may fill
and clear. Where neither is to be had, the tests are skipped with the reason.
"""

from __future__ import annotations

import os
import pwd
import shutil
import socket
import subprocess
import tempfile
from pathlib import Path

import pytest

_PLACES = ("/usr/lib/postgresql/*/bin", "/usr/pgsql-*/bin", "/opt/homebrew/opt/postgresql*/bin")


class PostgresServer:
    """`url` leads to an empty database. start, stop and kill as often as a test needs."""

    def __init__(self, programs: Path) -> None:
        self._programs = programs
        self._root = Path(tempfile.mkdtemp(prefix="pg-"))
        self._user = _unprivileged()
        self._data = self._root / "data"
        if self._user is not None:
            account = pwd.getpwnam(self._user)
            os.chown(self._root, account.pw_uid, account.pw_gid)
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.url = f"postgresql://tester@127.0.0.1:{self.port}/postgres"
        self._run("initdb", "-D", self._data, "-U", "tester", "-A", "trust", "--no-sync")

    def start(self) -> None:
        options = (
            f"-p {self.port} -c listen_addresses=127.0.0.1 -c unix_socket_directories={self._root}"
            " -c fsync=off -c max_connections=40"
        )
        if any(self._programs.parent.glob("lib/timescaledb.so")):  # it must be loaded with it
            options += " -c shared_preload_libraries=timescaledb"
        log = self._root / "log"
        self._run("pg_ctl", "-D", self._data, "-l", log, "-w", "-t", "30", "-o", options, "start")

    def stop(self, mode: str = "fast") -> None:
        """mode "immediate": as if it had been killed."""
        self._run("pg_ctl", "-D", self._data, "-m", mode, "-w", "-t", "30", "stop")

    def remove(self) -> None:
        if (self._data / "postmaster.pid").exists():
            self.stop("immediate")
        shutil.rmtree(self._root, ignore_errors=True)

    def clear(self) -> None:
        clear(self.url)

    def _run(self, program: str, *words: object) -> None:
        ended = subprocess.run(
            [self._programs / program, *map(str, words)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            timeout=60,
            cwd=self._root,
            user=self._user,
            check=False,
        )
        assert ended.returncode == 0, f"{program}: {ended.stderr}"


def clear(url: str) -> None:
    """Empties the database."""
    from sqlalchemy import create_engine

    engine = create_engine(url)
    with engine.begin() as connection:
        connection.exec_driver_sql("DROP SCHEMA public CASCADE")
        connection.exec_driver_sql("CREATE SCHEMA public")
    engine.dispose()


def programs() -> Path | None:
    """The newest server's programs on this machine."""
    on_path = shutil.which("initdb")
    found = [Path(on_path).parent] if on_path else []
    for place in _PLACES:
        found += sorted(Path("/").glob(place.lstrip("/")))
    return next((p for p in reversed(found) if (p / "initdb").exists()), None)


def own_server() -> PostgresServer:
    """A running one. Skips the test where there is no PostgreSQL."""
    where = programs()
    if where is None:
        pytest.skip("no PostgreSQL server is installed (Debian: postgresql)")
    server = PostgresServer(where)
    server.start()
    return server


def _unprivileged() -> str | None:
    """The server refuses to run as root; then it runs as the user that its package made."""
    if os.getuid() != 0:
        return None
    try:
        return pwd.getpwnam("postgres").pw_name
    except KeyError:
        pytest.skip("PostgreSQL does not run as root, and there is no user postgres")
