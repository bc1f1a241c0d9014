"""Who wrote to the virtual site, or tried to: in the log, so that a foreign master is found.

The same writer, unit and register is told once as long as the outcome is the same: a master that
writes every second would fill the log and hide what else is in it.
"""

import logging
import struct

_WRITES = {5: "coil", 6: "register", 15: "coils", 16: "registers", 22: "register", 23: "registers"}
_MOST_KEPT = 1_000

_log = logging.getLogger("energy_desktop.acquisition")


class WriteJournal:
    """Belongs to one serving thread."""

    def __init__(self) -> None:
        self._told: dict[tuple[str, int, int], bool] = {}

    def note(self, who: str, unit_id: int, request: bytes, answer: bytes | None) -> None:
        """Tells of a request, if it is a write. answer: what it was answered; None: nothing."""
        what = _WRITES.get(request[0]) if request else None
        if what is None or len(request) < 5:
            return
        (address,) = struct.unpack_from(">H", request, 1)
        refused = answer is None or bool(answer[0] & 0x80)
        key = (who, unit_id, address)
        if self._told.get(key) is refused:
            return
        if len(self._told) >= _MOST_KEPT:
            self._told.clear()
        self._told[key] = refused
        if not refused:
            _log.info("Simulator: %s wrote %s %d of unit %d.", who, what, address, unit_id)
        elif answer is None:
            _log.warning(
                "Simulator: %s tried to write %s %d of unit %d, which does not answer.",
                who,
                what,
                address,
                unit_id,
            )
        else:
            _log.warning(
                "Simulator: %s tried to write %s %d of unit %d; refused with exception %d.",
                who,
                what,
                address,
                unit_id,
                answer[1],
            )
