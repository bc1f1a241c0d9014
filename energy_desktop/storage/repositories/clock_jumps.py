"""When this computer's clock was set, as the program that polled saw it."""

from __future__ import annotations

from energy_desktop.domain.clock import ClockJump
from energy_desktop.storage.database import Database


class StoredClockJumps:
    """Kept for ever: a strange hour of two years ago is understood only by them."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, jump: ClockJump) -> None:
        with self._database.writing() as session:
            session.run(
                "INSERT INTO clock_jumps (after_ms, before_ms) VALUES (?, ?)"
                " ON CONFLICT DO NOTHING",
                (jump.after_ms, jump.before_ms),
            )

    def between(self, start_ms: int, end_ms: int) -> tuple[ClockJump, ...]:
        """Those that meet [start_ms, end_ms) by the time before or after, oldest first."""
        with self._database.reading() as session:
            rows = session.rows(
                "SELECT before_ms, after_ms FROM clock_jumps WHERE (after_ms >= ? AND after_ms < ?)"
                " OR (before_ms >= ? AND before_ms < ?) ORDER BY after_ms",
                (start_ms, end_ms, start_ms, end_ms),
            )
        return tuple(ClockJump(int(row[0]), int(row[1])) for row in rows)
