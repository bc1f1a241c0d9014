"""Which counter of a meter is meant.

Signs are set once, in acquisition: grid > 0 imports, PV > 0 produces, battery > 0 discharges. The
import register counts the positive direction, so it is consumption for a load, yield for PV and
discharge for a battery; the export register counts the other one.
"""

from __future__ import annotations

from energy_desktop.domain.ports import Ledger

POSITIVE = ("energy_import_wh", "energy_total_wh")
NEGATIVE = "energy_export_wh"


def positive_register(ledger: Ledger, meter_id: str) -> str:
    """The import register; the total one where a meter counts no directions."""
    known = ledger.registers(meter_id)
    return next((name for name in POSITIVE if name in known), POSITIVE[0])


def negative_register(ledger: Ledger, meter_id: str) -> str | None:
    """The export register; None where the meter has none (then nothing flows that way)."""
    return NEGATIVE if NEGATIVE in ledger.registers(meter_id) else None
