"""Alarms, findings, gaps and quarantined readings."""

from __future__ import annotations

from dataclasses import dataclass, replace

from sqlalchemy import or_, select

from energy_desktop.domain.alarm import Alarm, AlarmState
from energy_desktop.domain.finding import Finding, FindingState
from energy_desktop.storage.database import Database
from energy_desktop.storage.repositories import orm
from energy_desktop.storage.repositories.mapping import columns_of, to_domain
from energy_desktop.storage.tables.happened import AlarmRow, FindingRow, QuarantineRow


class StoredAlarms:
    """Implements domain.ports.AlarmStore."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def open_alarms(self) -> tuple[Alarm, ...]:
        query = (
            select(AlarmRow).where(AlarmRow.state != AlarmState.NORMAL).order_by(AlarmRow.alarm_id)
        )
        with orm.reading(self._database) as session:
            return tuple(to_domain(Alarm, row) for row in session.scalars(query))

    def journal(self, start_ms: int, end_ms: int) -> tuple[Alarm, ...]:
        """Alarms of any state that were raised or returned in [start_ms, end_ms), by time."""
        query = (
            select(AlarmRow)
            .where(
                or_(
                    AlarmRow.raised_at_ms.between(start_ms, end_ms - 1),
                    AlarmRow.returned_at_ms.between(start_ms, end_ms - 1),
                )
            )
            .order_by(AlarmRow.raised_at_ms, AlarmRow.alarm_id)
        )
        with orm.reading(self._database) as session:
            return tuple(to_domain(Alarm, row) for row in session.scalars(query))

    def save(self, alarm: Alarm) -> Alarm:
        values = columns_of(alarm)
        with orm.writing(self._database) as session:
            row = session.get(AlarmRow, alarm.alarm_id) if alarm.alarm_id else None
            if row is None:
                if not alarm.alarm_id:
                    del values["alarm_id"]
                row = AlarmRow(**values)
                session.add(row)
                session.flush()
                return replace(alarm, alarm_id=row.alarm_id)
            for name, value in values.items():
                setattr(row, name, value)
        return alarm


class StoredFindings:
    """Implements domain.ports.FindingStore."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def states(self) -> dict[str, Finding]:
        query = select(FindingRow).where(FindingRow.state != FindingState.OPEN)
        with orm.reading(self._database) as session:
            found = (to_domain(Finding, row) for row in session.scalars(query))
            return {finding.finding_id: finding for finding in found}

    def save(self, finding: Finding) -> None:
        with orm.writing(self._database) as session:
            session.merge(FindingRow(**columns_of(finding)))


@dataclass(frozen=True, slots=True)
class QuarantineEntry:
    """A value that was read but not believed. value NaN: it was none."""

    meter_id: str
    quantity: str
    read_at_ms: int
    value: float
    reason: str


class StoredQuarantine:
    """Read only: the writer and the ledger fill it."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def entries(
        self, start_ms: int, end_ms: int, meter_id: str | None = None
    ) -> tuple[QuarantineEntry, ...]:
        query = (
            select(QuarantineRow)
            .where(QuarantineRow.read_at_ms.between(start_ms, end_ms - 1))
            .order_by(QuarantineRow.read_at_ms, QuarantineRow.entry_id)
        )
        if meter_id is not None:
            query = query.where(QuarantineRow.meter_id == meter_id)
        with orm.reading(self._database) as session:
            return tuple(to_domain(QuarantineEntry, row) for row in session.scalars(query))
