"""Notices that the computer's clock was set, by holding it against the monotonic one.

Nothing is mended: polls follow the monotonic clock, and what is stored keeps the time that the
clock showed. But a day with an hour too many is understood only if the log says why.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable

from energy_desktop.acquisition.tracking import duration_text
from energy_desktop.domain.clock import Clock, iso_utc, to_ms

_LOG = logging.getLogger("energy_desktop.engine")

TOLERANCE_S = 2.0
"""Time services slew by 0.5 ms a second at most; a busy machine delays a look, not the clock."""


class ClockWatch:
    """Asked again and again; belongs to one thread. Times of the monotonic clock in s."""

    def __init__(self, clock: Clock, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._monotonic = monotonic
        self._ahead_s = self._difference()

    def look(self) -> float:
        """How far the clock was set since the last look: > 0 forward, 0.0 not at all; in s."""
        ahead_s = self._difference()
        jump_s = ahead_s - self._ahead_s
        # The new difference counts from now on, so that slow drift never adds up to a jump.
        self._ahead_s = ahead_s
        if abs(jump_s) <= TOLERANCE_S:
            return 0.0
        now_ms = to_ms(self._clock())
        cause = "set forward, or the computer slept," if jump_s > 0 else "set back"
        _LOG.warning(
            "The clock of this computer was %s by %s: %s is followed by %s. Readings carry the "
            "time that it shows, polls keep their own rhythm. Check the time service.",
            cause,
            duration_text(abs(jump_s)),
            iso_utc(round(now_ms / 1000 - jump_s) * 1000),
            iso_utc(round(now_ms / 1000) * 1000),
        )
        return jump_s

    def _difference(self) -> float:
        return to_ms(self._clock()) / 1000 - self._monotonic()
