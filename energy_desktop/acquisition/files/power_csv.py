"""Mean powers of slots from a CSV: `start_utc,load_w` or `start_utc,pv_w`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from energy_desktop.acquisition.files.columns import Floats, Int64s
from energy_desktop.acquisition.files.slot_table import read_slot_table


@dataclass(frozen=True, slots=True)
class PowerSlots:
    """start_ms, end_ms, power_w: shape (n,), slots without a gap between them."""

    start_ms: Int64s
    end_ms: Int64s
    power_w: Floats


def read_powers(path: Path, column: Literal["load_w", "pv_w"]) -> PowerSlots:
    """Mean power per slot in W; steps of 15, 30 and 60 min may mix. Raises DataFileError."""
    table = read_slot_table(path, column)
    return PowerSlots(table.start_ms, table.end_ms, table.columns[column])
