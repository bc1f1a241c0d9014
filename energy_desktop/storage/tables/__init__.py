"""Everything that the database holds, as typed tables.

Configuration, bills and alarms are ORM rows whose columns are the fields of their domain value.
Series are Core tables: nothing per reading ever becomes an object. Times are UTC epoch
milliseconds, energy Wh, money 1e-4 currency units, all integers.

Whoever imports one of the modules loads them all, so that METADATA is always the whole schema.
"""

from energy_desktop.storage.tables import configuration, happened, series
from energy_desktop.storage.tables.base import METADATA

__all__ = ["METADATA", "configuration", "happened", "series"]
