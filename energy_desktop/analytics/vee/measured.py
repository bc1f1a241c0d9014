"""What of the ledger a baseline may learn from: one answer for everything that learns."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from energy_desktop.domain.energy import IntervalQuality, Intervals

if TYPE_CHECKING:
    from energy_desktop.domain.energy import Floats


def measured_wh(ledger: Intervals) -> Floats:
    """Energies (n,) that were measured; NaN where they were estimated, edited, held or missing."""
    measured: Floats = np.where(
        ledger.quality <= IntervalQuality.VALIDATED, ledger.energy_wh, np.nan
    )
    return measured
