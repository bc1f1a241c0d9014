"""All that is kept on disk. `open_store` is the door; the rest is behind it."""

from energy_desktop.storage.backup import RESTORED_FROM, prove, restore
from energy_desktop.storage.lock import Owner, holder
from energy_desktop.storage.series.retention import RetentionRules
from energy_desktop.storage.store import Store, StoreStats, open_store
from energy_desktop.storage.writer import WriterOptions

__all__ = [
    "RESTORED_FROM",
    "Owner",
    "RetentionRules",
    "Store",
    "StoreStats",
    "WriterOptions",
    "holder",
    "open_store",
    "prove",
    "restore",
]
