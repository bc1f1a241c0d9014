"""Readings and the energy ledger: Core tables, because nothing per reading ever becomes an object.

Their rows name meters and quantities by short integers (series/names.py).
"""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Float,
    Index,
    Integer,
    LargeBinary,
    PrimaryKeyConstraint,
    SmallInteger,
    String,
    Table,
    Text,
    UniqueConstraint,
)

from energy_desktop.storage.tables.base import METADATA
from energy_desktop.storage.types import RowId

Table(
    "series_meters",
    METADATA,
    Column("meter_key", RowId, primary_key=True),
    Column("meter_id", Text, nullable=False, unique=True),
)
Table(
    "series_quantities",
    METADATA,
    Column("quantity_key", RowId, primary_key=True),
    Column("name", Text, nullable=False, unique=True),
    # As it was when the first value was sealed: a table changed later must not rescale the past.
    Column("resolution", Float, nullable=False),
)
Table(
    "series_layouts",
    METADATA,
    Column("layout_key", RowId, primary_key=True),
    Column("layout_id", Text, nullable=False),
    Column("quantities", Text, nullable=False),
    UniqueConstraint("layout_id", "quantities", name="series_layouts_once"),
)
Table(
    "hot",
    METADATA,
    # read_at_ms * 2^20 + meter_key: clustered by time, and no (meter, time) twice.
    Column("reading_key", RowId, primary_key=True, autoincrement=False),
    Column("layout_key", Integer, nullable=False),
    Column("quality", SmallInteger, nullable=False),
    Column("vals", LargeBinary, nullable=False),
)
Table(
    "timelines",
    METADATA,
    Column("timeline_key", RowId, primary_key=True, autoincrement=False),
    Column("payload", LargeBinary, nullable=False),
)
Table(
    "chunks",
    METADATA,
    Column("meter_key", Integer, nullable=False),
    Column("quantity_key", Integer, nullable=False),
    Column("tier", SmallInteger, nullable=False),
    Column("start_ms", BigInteger, nullable=False),
    Column("timeline_key", BigInteger, nullable=False),
    Column("first_ms", BigInteger, nullable=False),
    Column("last_ms", BigInteger, nullable=False),
    Column("n", Integer, nullable=False),
    Column("first", Float),
    Column("last", Float),
    Column("minimum", Float),
    Column("maximum", Float),
    Column("mean", Float),
    Column("quality_counts", Text, nullable=False),
    Column("checksum", BigInteger, nullable=False),
    Column("payload", LargeBinary, nullable=False),
    PrimaryKeyConstraint("meter_key", "quantity_key", "tier", "start_ms"),
    Index("chunks_by_timeline", "timeline_key"),
    Index("chunks_by_age", "tier", "start_ms"),
)
Table(
    "rollups",
    METADATA,
    Column("meter_key", Integer, nullable=False),
    Column("quantity_key", Integer, nullable=False),
    Column("step_s", Integer, nullable=False),  # 900, 3600, 86400: the local day
    Column("start_ms", BigInteger, nullable=False),
    Column("n", Integer, nullable=False),
    Column("mean", Float, nullable=False),
    Column("minimum", Float, nullable=False),
    Column("maximum", Float, nullable=False),
    Column("first", Float, nullable=False),
    Column("last", Float, nullable=False),
    PrimaryKeyConstraint("meter_key", "quantity_key", "step_s", "start_ms"),
    sqlite_with_rowid=False,
)
Table(
    "intervals",
    METADATA,
    Column("meter_key", Integer, nullable=False),
    Column("register_key", Integer, nullable=False),
    Column("step_s", Integer, nullable=False),
    Column("start_ms", BigInteger, nullable=False),
    Column("energy_wh", BigInteger),  # NULL: quarantined
    Column("quality", SmallInteger, nullable=False),
    Column("method", String(20), nullable=False),
    Column("version", Integer, nullable=False),
    Column("opening_wh", BigInteger),  # the register at the start and at the end,
    Column("closing_wh", BigInteger),  # rollovers added; NULL for imported intervals
    Column("segment", Integer, nullable=False),  # grows by one at each reset that nobody explained
    Column("edit_id", BigInteger),  # the correction that made this value; NULL: as it was booked
    PrimaryKeyConstraint("meter_key", "register_key", "step_s", "start_ms"),
    sqlite_with_rowid=False,
)
Table(
    "proofs",  # that rows are as they were written: storage/series/proofs.py
    METADATA,
    Column("subject", SmallInteger, nullable=False),
    Column("meter_key", Integer, nullable=False),
    Column("series_key", Integer, nullable=False),
    Column("step_s", Integer, nullable=False),
    Column("block_ms", BigInteger, nullable=False),
    Column("n", Integer, nullable=False),
    Column("digest", BigInteger),  # NULL: a row was changed since
    PrimaryKeyConstraint("subject", "meter_key", "series_key", "step_s", "block_ms"),
    sqlite_with_rowid=False,
)
Table(
    "interval_versions",
    METADATA,
    Column("meter_key", Integer, nullable=False),
    Column("register_key", Integer, nullable=False),
    Column("step_s", Integer, nullable=False),
    Column("start_ms", BigInteger, nullable=False),
    Column("version", Integer, nullable=False),
    Column("energy_wh", BigInteger),
    Column("quality", SmallInteger, nullable=False),
    Column("method", String(20), nullable=False),
    Column("replaced_at_ms", BigInteger, nullable=False),
    Column("edit_id", BigInteger),
    PrimaryKeyConstraint("meter_key", "register_key", "step_s", "start_ms", "version"),
    sqlite_with_rowid=False,
)
Table(
    "ledger_state",
    METADATA,
    Column("meter_key", Integer, nullable=False),
    Column("register_key", Integer, nullable=False),
    Column("through_ms", BigInteger),
    Column("through_wh", BigInteger),
    Column("through_segment", Integer, nullable=False),
    Column("through_estimated", Boolean, nullable=False),
    Column("last_ms", BigInteger, nullable=False),
    Column("last_wh", BigInteger, nullable=False),
    Column("offset_wh", BigInteger, nullable=False),
    Column("segment", Integer, nullable=False),
    PrimaryKeyConstraint("meter_key", "register_key"),
)
Table(
    "ledger_grids",  # registers whose intervals are, or were once, no quarter hours
    METADATA,
    Column("meter_key", Integer, nullable=False),
    Column("register_key", Integer, nullable=False),
    Column("from_ms", BigInteger, nullable=False),
    Column("step_s", Integer, nullable=False),
    PrimaryKeyConstraint("meter_key", "register_key", "from_ms"),
)
