"""What a register counts to, put right for the past: the falls that it explains are booked again.

The preview is no guess: the book is made again in a transaction, looked at, and undone.
"""

from __future__ import annotations

from dataclasses import replace

from energy_desktop.domain.clock import Clock
from energy_desktop.domain.recount import Recount
from energy_desktop.storage.database import Database
from energy_desktop.storage.series import steps
from energy_desktop.storage.series.bookkeeping import Bookkeeper
from energy_desktop.storage.series.rebooking import Rebooking


class _UndoneError(Exception):
    """Ends the transaction of a preview."""


class StoredRecounting:
    """Implements domain.ports.Recounting."""

    def __init__(self, database: Database, keeper: Bookkeeper, clock: Clock) -> None:
        self._database = database
        self._keeper = keeper
        self._clock = clock

    def preview(self, meter_id: str, register: str, modulus_wh: int | None) -> Recount:
        """What `recount` would change; nothing is."""
        found = Recount()
        try:
            with self._database.writing() as session:
                made = self._with(modulus_wh).falls(session, meter_id, register)
                found = Recount(made.intervals, made.energy_wh)
                raise _UndoneError
        except _UndoneError:
            return found

    def recount(self, meter_id: str, register: str, modulus_wh: int | None) -> Recount:
        """Books every lasting fall of the register again, as one that counts to modulus_wh (None:
        to no end that is known). Earlier versions are kept; what a person corrected stays."""
        with self._database.writing() as session:
            made = self._with(modulus_wh).falls(session, meter_id, register)
        return Recount(made.intervals, made.energy_wh)

    def lengths(
        self, meter_id: str, register: str, start_ms: int, end_ms: int
    ) -> tuple[tuple[int, int, int], ...]:
        """[start_ms, end_ms) as stretches (start_ms, end_ms, step_s) of one length of interval,
        each cut to whole intervals."""
        with self._database.reading() as session:
            keys = self._keeper.keys(session, meter_id, register)
            kept = steps.kept(session, keys)
            found = steps.whole(steps.runs(session, keys, kept, start_ms, end_ms))
        return tuple((run.start_ms, run.end_ms, run.step_s) for run in found)

    def _with(self, modulus_wh: int | None) -> Rebooking:
        keeper = self._keeper.counting(lambda rules: replace(rules, modulus_wh=modulus_wh))
        return Rebooking(keeper, self._clock)
