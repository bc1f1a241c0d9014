"""What the site file calls a field that has another name there: read and written alike."""

from dataclasses import fields
from typing import Any

from energy_desktop.domain.site import Link, VirtualMeter

KEYS: dict[str, dict[str, str]] = {
    "spaces": {"space_id": "id", "parent_id": "parent"},
    "links": {"link_id": "id"},
    "meters": {
        "meter_id": "id",
        "driver_id": "driver",
        "link_id": "link",
        "unit_id": "unit",
        "space_id": "space",
        "parent_id": "parent",
    },
    "virtual_meters": {"virtual_id": "id"},
    "clients": {"client_id": "id"},
    "tariffs": {"tariff_id": "id"},
    "contracts": {
        "contract_id": "id",
        "client_id": "client",
        "tariff_id": "tariff",
        "space_ids": "spaces",
    },
    "devices": {"device_id": "id", "meter_id": "meter", "control_unit_id": "control_unit"},
    "batteries": {"battery_id": "id", "meter_id": "meter"},
    "alarms": {"rule_id": "id", "meter_id": "meter"},
}


def as_in_file(table: str, row: Any) -> dict[str, Any]:
    """The fields of an entry by the names that the file gives them."""
    names = KEYS.get(table, {})
    values = {names.get(f.name, f.name): getattr(row, f.name) for f in fields(row)}
    if isinstance(row, Link):
        values |= dict(values.pop("options"))
    if isinstance(row, VirtualMeter):
        values["terms"] = dict(values["terms"])
    return values
