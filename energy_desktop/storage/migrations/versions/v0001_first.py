"""The first schema."""

from __future__ import annotations

from typing import TYPE_CHECKING

import sqlalchemy as sa

if TYPE_CHECKING:
    from alembic.operations import Operations

REVISION = "0001"

ROW_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade(op: Operations) -> None:
    op.create_table(
        "alarm_rules",
        sa.Column("rule_id", sa.Text(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("meter_id", sa.Text(), nullable=False),
        sa.Column("quantity", sa.Text(), nullable=False),
        sa.Column("condition", sa.String(40), nullable=False),
        sa.Column("limit_value", sa.Float(), nullable=False),
        sa.Column("deadband", sa.Float(), nullable=False),
        sa.Column("on_delay_s", sa.Float(), nullable=False),
        sa.Column("off_delay_s", sa.Float(), nullable=False),
        sa.Column("priority", sa.Integer(), nullable=False),
        sa.Column("response", sa.Text(), nullable=False),
        sa.Column("consequence", sa.Text(), nullable=False),
        sa.Column("enabled", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("rule_id"),
    )
    op.create_table(
        "alarms",
        sa.Column("alarm_id", ROW_ID, nullable=False),
        sa.Column("rule", sa.Text(), nullable=False),
        sa.Column("meter_id", sa.Text(), nullable=False),
        sa.Column("meter_name", sa.Text(), nullable=False),
        sa.Column("state", sa.String(40), nullable=False),
        sa.Column("raised_at_ms", sa.BigInteger(), nullable=False),
        sa.Column("value", sa.Float(), nullable=True),
        sa.Column("returned_at_ms", sa.BigInteger(), nullable=True),
        sa.Column("acknowledged_at_ms", sa.BigInteger(), nullable=True),
        sa.Column("acknowledged_by", sa.Text(), nullable=False),
        sa.Column("acknowledge_note", sa.Text(), nullable=False),
        sa.Column("shelved_until_ms", sa.BigInteger(), nullable=True),
        sa.Column("shelved_by", sa.Text(), nullable=False),
        sa.Column("shelve_reason", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("alarm_id"),
    )
    op.create_index("alarms_by_state", "alarms", ["state"], unique=False)
    op.create_index("ix_alarms_raised_at_ms", "alarms", ["raised_at_ms"], unique=False)
    op.create_table(
        "chunks",
        sa.Column("meter_key", sa.Integer(), nullable=False),
        sa.Column("quantity_key", sa.Integer(), nullable=False),
        sa.Column("tier", sa.SmallInteger(), nullable=False),
        sa.Column("start_ms", sa.BigInteger(), nullable=False),
        sa.Column("timeline_key", sa.BigInteger(), nullable=False),
        sa.Column("first_ms", sa.BigInteger(), nullable=False),
        sa.Column("last_ms", sa.BigInteger(), nullable=False),
        sa.Column("n", sa.Integer(), nullable=False),
        sa.Column("first", sa.Float(), nullable=True),
        sa.Column("last", sa.Float(), nullable=True),
        sa.Column("minimum", sa.Float(), nullable=True),
        sa.Column("maximum", sa.Float(), nullable=True),
        sa.Column("mean", sa.Float(), nullable=True),
        sa.Column("quality_counts", sa.Text(), nullable=False),
        sa.Column("checksum", sa.BigInteger(), nullable=False),
        sa.Column("payload", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("meter_key", "quantity_key", "tier", "start_ms"),
    )
    op.create_index("chunks_by_age", "chunks", ["tier", "start_ms"], unique=False)
    op.create_index("chunks_by_timeline", "chunks", ["timeline_key"], unique=False)
    op.create_table(
        "clients",
        sa.Column("client_id", sa.Text(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("address", sa.Text(), nullable=False),
        sa.Column("email", sa.Text(), nullable=False),
        sa.Column("tax_id", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("client_id"),
    )
    op.create_table(
        "findings",
        sa.Column("finding_id", sa.Text(), nullable=False),
        sa.Column("meter_id", sa.Text(), nullable=False),
        sa.Column("meter_name", sa.Text(), nullable=False),
        sa.Column("kind", sa.String(40), nullable=False),
        sa.Column("start_ms", sa.BigInteger(), nullable=False),
        sa.Column("end_ms", sa.BigInteger(), nullable=True),
        sa.Column("found_at_ms", sa.BigInteger(), nullable=False),
        sa.Column("change_pct", sa.Float(), nullable=True),
        sa.Column("excess_wh", sa.BigInteger(), nullable=False),
        sa.Column("excess_cost_units", sa.BigInteger(), nullable=False),
        sa.Column("sentence", sa.Text(), nullable=False),
        sa.Column("causes", sa.Text(), nullable=False),
        sa.Column("state", sa.String(40), nullable=False),
        sa.Column("state_by", sa.Text(), nullable=False),
        sa.Column("state_at_ms", sa.BigInteger(), nullable=True),
        sa.Column("note", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("finding_id"),
    )
    op.create_table(
        "gaps",
        sa.Column("meter_id", sa.Text(), nullable=False),
        sa.Column("start_ms", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("end_ms", sa.BigInteger(), nullable=True),
        sa.Column("cause", sa.String(40), nullable=False),
        sa.Column("detail", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("meter_id", "start_ms"),
    )
    op.create_table(
        "hot",
        sa.Column("reading_key", ROW_ID, autoincrement=False, nullable=False),
        sa.Column("layout_key", sa.Integer(), nullable=False),
        sa.Column("quality", sa.SmallInteger(), nullable=False),
        sa.Column("vals", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("reading_key"),
    )
    op.create_table(
        "interval_versions",
        sa.Column("meter_key", sa.Integer(), nullable=False),
        sa.Column("register_key", sa.Integer(), nullable=False),
        sa.Column("step_s", sa.Integer(), nullable=False),
        sa.Column("start_ms", sa.BigInteger(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("energy_wh", sa.BigInteger(), nullable=True),
        sa.Column("quality", sa.SmallInteger(), nullable=False),
        sa.Column("method", sa.String(length=20), nullable=False),
        sa.Column("replaced_at_ms", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("meter_key", "register_key", "step_s", "start_ms", "version"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "intervals",
        sa.Column("meter_key", sa.Integer(), nullable=False),
        sa.Column("register_key", sa.Integer(), nullable=False),
        sa.Column("step_s", sa.Integer(), nullable=False),
        sa.Column("start_ms", sa.BigInteger(), nullable=False),
        sa.Column("energy_wh", sa.BigInteger(), nullable=True),
        sa.Column("quality", sa.SmallInteger(), nullable=False),
        sa.Column("method", sa.String(length=20), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("opening_wh", sa.BigInteger(), nullable=True),
        sa.Column("closing_wh", sa.BigInteger(), nullable=True),
        sa.Column("segment", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("meter_key", "register_key", "step_s", "start_ms"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "invoices",
        sa.Column("number", sa.String(length=40), nullable=False),
        sa.Column("year", sa.Integer(), nullable=False),
        sa.Column("sequence", sa.Integer(), nullable=False),
        sa.Column("client_id", sa.Text(), nullable=False),
        sa.Column("month", sa.String(length=7), nullable=False),
        sa.Column("issued_at_ms", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("total_units", sa.BigInteger(), nullable=False),
        sa.Column("content", sa.Text(), nullable=False),
        sa.Column("content_sha256", sa.String(length=64), nullable=False),
        sa.PrimaryKeyConstraint("number"),
        sa.UniqueConstraint("client_id", "month", name="one_invoice_a_month"),
        sa.UniqueConstraint("year", "sequence", name="invoice_numbers"),
    )
    op.create_table(
        "ledger_state",
        sa.Column("meter_key", sa.Integer(), nullable=False),
        sa.Column("register_key", sa.Integer(), nullable=False),
        sa.Column("through_ms", sa.BigInteger(), nullable=True),
        sa.Column("through_wh", sa.BigInteger(), nullable=True),
        sa.Column("through_segment", sa.Integer(), nullable=False),
        sa.Column("through_estimated", sa.Boolean(), nullable=False),
        sa.Column("last_ms", sa.BigInteger(), nullable=False),
        sa.Column("last_wh", sa.BigInteger(), nullable=False),
        sa.Column("offset_wh", sa.BigInteger(), nullable=False),
        sa.Column("segment", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("meter_key", "register_key"),
    )
    op.create_table(
        "links",
        sa.Column("link_id", sa.Text(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(40), nullable=False),
        sa.Column("host", sa.Text(), nullable=False),
        sa.Column("port", sa.Integer(), nullable=False),
        sa.Column("device", sa.Text(), nullable=False),
        sa.Column("baud_rate", sa.Integer(), nullable=False),
        sa.Column("parity", sa.String(length=1), nullable=False),
        sa.Column("stop_bits", sa.Integer(), nullable=False),
        sa.Column("timeout_s", sa.Float(), nullable=False),
        sa.Column("guard_s", sa.Float(), nullable=False),
        sa.PrimaryKeyConstraint("link_id"),
    )
    op.create_table(
        "price_slots",
        sa.Column("start_ms", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("end_ms", sa.BigInteger(), nullable=False),
        sa.Column("import_per_kwh", sa.Float(), nullable=False),
        sa.Column("export_per_kwh", sa.Float(), nullable=False),
        sa.PrimaryKeyConstraint("start_ms"),
    )
    op.create_table(
        "quarantine",
        sa.Column("entry_id", ROW_ID, nullable=False),
        sa.Column("meter_id", sa.Text(), nullable=False),
        sa.Column("quantity", sa.Text(), nullable=False),
        sa.Column("read_at_ms", sa.BigInteger(), nullable=False),
        sa.Column("value", sa.Float(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("entry_id"),
        sa.UniqueConstraint("meter_id", "quantity", "read_at_ms", name="quarantine_entries"),
    )
    op.create_index("quarantine_by_time", "quarantine", ["read_at_ms"], unique=False)
    op.create_table(
        "rollups",
        sa.Column("meter_key", sa.Integer(), nullable=False),
        sa.Column("quantity_key", sa.Integer(), nullable=False),
        sa.Column("step_s", sa.Integer(), nullable=False),
        sa.Column("start_ms", sa.BigInteger(), nullable=False),
        sa.Column("n", sa.Integer(), nullable=False),
        sa.Column("mean", sa.Float(), nullable=False),
        sa.Column("minimum", sa.Float(), nullable=False),
        sa.Column("maximum", sa.Float(), nullable=False),
        sa.Column("first", sa.Float(), nullable=False),
        sa.Column("last", sa.Float(), nullable=False),
        sa.PrimaryKeyConstraint("meter_key", "quantity_key", "step_s", "start_ms"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "series_layouts",
        sa.Column("layout_key", ROW_ID, nullable=False),
        sa.Column("layout_id", sa.Text(), nullable=False),
        sa.Column("quantities", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("layout_key"),
        sa.UniqueConstraint("layout_id", "quantities", name="series_layouts_once"),
    )
    op.create_table(
        "series_meters",
        sa.Column("meter_key", ROW_ID, nullable=False),
        sa.Column("meter_id", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("meter_key"),
        sa.UniqueConstraint("meter_id"),
    )
    op.create_table(
        "series_quantities",
        sa.Column("quantity_key", ROW_ID, nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("resolution", sa.Float(), nullable=False),
        sa.PrimaryKeyConstraint("quantity_key"),
        sa.UniqueConstraint("name"),
    )
    op.create_table(
        "settings",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("name"),
    )
    op.create_table(
        "site",
        sa.Column("site_key", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("zone", sa.Text(), nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("country", sa.Text(), nullable=False),
        sa.Column("subdivision", sa.Text(), nullable=False),
        sa.Column("nominal_voltage_v", sa.Float(), nullable=False),
        sa.Column("nominal_frequency_hz", sa.Float(), nullable=False),
        sa.Column("contract_demand_w", sa.Float(), nullable=True),
        sa.Column("operator", sa.Text(), nullable=False),
        sa.Column("operator_address", sa.Text(), nullable=False),
        sa.Column("tax_id", sa.Text(), nullable=False),
        sa.Column("bank_iban", sa.Text(), nullable=False),
        sa.Column("price_import_per_kwh", sa.BigInteger(), nullable=False),
        sa.Column("price_export_per_kwh", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("site_key = 1", name="one_site"),
        sa.PrimaryKeyConstraint("site_key"),
    )
    op.create_table(
        "spaces",
        sa.Column("space_id", sa.Text(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("kind", sa.String(40), nullable=False),
        sa.Column("parent_id", sa.Text(), nullable=True),
        sa.Column("area_m2", sa.Float(), nullable=True),
        sa.ForeignKeyConstraint(
            ["parent_id"], ["spaces.space_id"], initially="DEFERRED", deferrable=True
        ),
        sa.PrimaryKeyConstraint("space_id"),
    )
    op.create_table(
        "tariff_versions",
        sa.Column("tariff_id", sa.Text(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("valid_from", sa.String(10), nullable=False),
        sa.Column("energy_price_per_kwh", sa.BigInteger(), nullable=False),
        sa.Column("out_of_hours_price_per_kwh", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("tax_pct", sa.BigInteger(), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("tariff_id", "version"),
    )
    op.create_table(
        "timelines",
        sa.Column("timeline_key", ROW_ID, autoincrement=False, nullable=False),
        sa.Column("payload", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("timeline_key"),
    )
    op.create_table(
        "contract_versions",
        sa.Column("contract_id", sa.Text(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("client_id", sa.Text(), nullable=False),
        sa.Column("valid_from", sa.String(10), nullable=False),
        sa.Column("hours", sa.Text(), nullable=False),
        sa.Column("tariff_id", sa.Text(), nullable=False),
        sa.Column("space_ids", sa.Text(), nullable=False),
        sa.Column("valid_to", sa.String(10), nullable=True),
        sa.ForeignKeyConstraint(
            ["client_id"], ["clients.client_id"], initially="DEFERRED", deferrable=True
        ),
        sa.PrimaryKeyConstraint("contract_id", "version"),
    )
    op.create_table(
        "invoice_papers",
        sa.Column("number", sa.String(length=40), nullable=False),
        sa.Column("pdf", sa.LargeBinary(), nullable=False),
        sa.Column("pdf_sha256", sa.String(length=64), nullable=False),
        sa.ForeignKeyConstraint(
            ["number"],
            ["invoices.number"],
        ),
        sa.PrimaryKeyConstraint("number"),
    )
    op.create_table(
        "invoice_uses",
        sa.Column("number", sa.String(length=40), nullable=False),
        sa.Column("kind", sa.String(length=10), nullable=False),
        sa.Column("subject_id", sa.Text(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["number"],
            ["invoices.number"],
        ),
        sa.PrimaryKeyConstraint("number", "kind", "subject_id", "version"),
    )
    op.create_table(
        "meters",
        sa.Column("meter_id", sa.Text(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("driver_id", sa.Text(), nullable=False),
        sa.Column("link_id", sa.Text(), nullable=False),
        sa.Column("unit_id", sa.Integer(), nullable=False),
        sa.Column("poll_interval_s", sa.Float(), nullable=False),
        sa.Column("role", sa.String(40), nullable=False),
        sa.Column("space_id", sa.Text(), nullable=True),
        sa.Column("parent_id", sa.Text(), nullable=True),
        sa.Column("equipment", sa.Text(), nullable=False),
        sa.Column("serial_number", sa.Text(), nullable=False),
        sa.Column("ct_ratio", sa.Float(), nullable=False),
        sa.Column("vt_ratio", sa.Float(), nullable=False),
        sa.Column("invert", sa.Boolean(), nullable=False),
        sa.Column("mid_approved", sa.Boolean(), nullable=False),
        sa.Column("counter_modulus_wh", sa.BigInteger(), nullable=True),
        sa.Column("connection_limit_w", sa.Float(), nullable=True),
        sa.Column("enabled", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(
            ["parent_id"], ["meters.meter_id"], initially="DEFERRED", deferrable=True
        ),
        sa.ForeignKeyConstraint(
            ["space_id"], ["spaces.space_id"], initially="DEFERRED", deferrable=True
        ),
        sa.PrimaryKeyConstraint("meter_id"),
    )
    op.create_table(
        "batteries",
        sa.Column("battery_id", sa.Text(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("meter_id", sa.Text(), nullable=False),
        sa.Column("capacity_wh", sa.Float(), nullable=False),
        sa.Column("charge_w", sa.Float(), nullable=False),
        sa.Column("discharge_w", sa.Float(), nullable=False),
        sa.Column("charge_efficiency", sa.Float(), nullable=False),
        sa.Column("discharge_efficiency", sa.Float(), nullable=False),
        sa.Column("soc_min_pct", sa.Float(), nullable=False),
        sa.Column("soc_max_pct", sa.Float(), nullable=False),
        sa.Column("wear_per_kwh", sa.Float(), nullable=False),
        sa.Column("demand_charge_per_kw", sa.Float(), nullable=False),
        sa.ForeignKeyConstraint(
            ["meter_id"], ["meters.meter_id"], initially="DEFERRED", deferrable=True
        ),
        sa.PrimaryKeyConstraint("battery_id"),
    )
    op.create_table(
        "devices",
        sa.Column("device_id", sa.Text(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("kind", sa.String(40), nullable=False),
        sa.Column("meter_id", sa.Text(), nullable=False),
        sa.Column("rated_power_w", sa.Float(), nullable=False),
        sa.Column("shed_order", sa.Integer(), nullable=True),
        sa.Column("longest_off_min", sa.Integer(), nullable=False),
        sa.Column("control_register", sa.Integer(), nullable=True),
        sa.Column("control_unit_id", sa.Integer(), nullable=True),
        sa.ForeignKeyConstraint(
            ["meter_id"], ["meters.meter_id"], initially="DEFERRED", deferrable=True
        ),
        sa.PrimaryKeyConstraint("device_id"),
    )

    if op.get_bind().dialect.name == "sqlite":
        # An issued invoice never changes, not even by another tool.
        for table in ("invoices", "invoice_papers", "invoice_uses"):
            for event in ("UPDATE", "DELETE"):
                op.execute(
                    f"CREATE TRIGGER {table}_no_{event.lower()} BEFORE {event} ON {table} "
                    "BEGIN SELECT RAISE(ABORT, 'an issued invoice never changes'); END"
                )
