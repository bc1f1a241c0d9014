"""What the register says of a span, whatever became of the intervals in it.

The readings at both ends are those of the intervals around the span, because inside of it there
may be none: a gap has no interval that knows where it began.
"""

from __future__ import annotations

from energy_desktop.domain.ports import Ledger


def register_energy(
    ledger: Ledger, meter_id: str, register: str, start_ms: int, end_ms: int, step_ms: int
) -> int | None:
    """Energy of [start_ms, end_ms) in Wh by the register, rollovers and known exchanges counted.

    start_ms, end_ms: on the grid of step_ms. None: it has no reading there, or was reset between
    in a way that nobody explained.
    """
    wide = ledger.reconciliation(meter_id, start_ms - step_ms, end_ms + step_ms, register=register)
    if wide.resets:
        return None
    opening = _at(ledger, meter_id, register, start_ms, step_ms)
    closing = _at(ledger, meter_id, register, end_ms, step_ms)
    return None if opening is None or closing is None else closing - opening


def _at(ledger: Ledger, meter_id: str, register: str, at_ms: int, step_ms: int) -> int | None:
    """The register at a boundary, from the interval before it, else from the one after it."""
    before = ledger.reconciliation(meter_id, at_ms - step_ms, at_ms, register=register).closing
    if before is not None and before.read_at_ms == at_ms:
        return before.value_wh
    after = ledger.reconciliation(meter_id, at_ms, at_ms + step_ms, register=register).opening
    return after.value_wh if after is not None and after.read_at_ms == at_ms else None
