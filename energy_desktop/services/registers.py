"""Which counter of a meter is its consumption."""

from __future__ import annotations

from energy_desktop.domain.ports import Ledger
from energy_desktop.domain.site import Meter, Role

_CONSUMPTION = ("energy_import_wh", "energy_total_wh")
_PRODUCTION = ("energy_export_wh", "energy_import_wh", "energy_total_wh")


def consumption_register(ledger: Ledger, meter_id: str) -> str:
    """The import register; the total one where a meter counts no directions."""
    known = ledger.registers(meter_id)
    return next((name for name in _CONSUMPTION if name in known), _CONSUMPTION[0])


def yield_register(ledger: Ledger, meter: Meter) -> str:
    """The register that counts what a PV meter produces or a battery gives.

    A meter whose sign is turned in acquisition counts production as export; one that was wired
    the other way round as import. The register that moved is the one that is meant.
    """
    if meter.role not in (Role.SOLAR, Role.BATTERY):
        return consumption_register(ledger, meter.meter_id)
    known = ledger.registers(meter.meter_id)
    return next((name for name in _PRODUCTION if name in known), _PRODUCTION[0])
