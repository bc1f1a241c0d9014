"""Issued invoices: numbered without a gap, frozen, and checked against their hash when read."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from zoneinfo import ZoneInfo

from sqlalchemy import func, select
from sqlalchemy.orm import Session as OrmSession

from energy_desktop.domain.clock import from_ms
from energy_desktop.domain.errors import InvoiceError, NotFound
from energy_desktop.domain.invoice import Invoice, InvoiceStatus
from energy_desktop.storage.database import Database
from energy_desktop.storage.frozen import canonical, revive
from energy_desktop.storage.repositories import orm
from energy_desktop.storage.tables.happened import InvoicePaperRow, InvoiceRow, InvoiceUseRow


class StoredInvoices:
    """Implements domain.ports.InvoiceStore."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def issued(self, client_id: str | None = None, month: str | None = None) -> tuple[Invoice, ...]:
        query = select(InvoiceRow).order_by(InvoiceRow.year, InvoiceRow.sequence)
        if client_id is not None:
            query = query.where(InvoiceRow.client_id == client_id)
        if month is not None:
            query = query.where(InvoiceRow.month == month)
        with orm.reading(self._database) as session:
            return tuple(_revived(row) for row in session.scalars(query))

    def issue(self, draft: Invoice, issued_at_ms: int) -> Invoice:
        if draft.blockers:
            raise InvoiceError(
                where=f"{draft.client.name}, {draft.month}",
                what=f"the invoice may not be issued: {' '.join(draft.blockers)}",
                remedy="Settle that first.",
            )
        with orm.writing(self._database) as session:
            there = session.scalar(
                select(InvoiceRow).where(
                    InvoiceRow.client_id == draft.client.client_id,
                    InvoiceRow.month == draft.month,
                )
            )
            if there is not None:
                issued = _revived(there)
                if _content(issued) != _content(draft):
                    raise InvoiceError(
                        where=f"invoice {issued.number}",
                        what=f"{draft.client.name} was billed otherwise for {draft.month} already.",
                        remedy="An issued invoice never changes: write a credit note.",
                    )
                return issued
            return self._number_and_freeze(session, draft, issued_at_ms)

    @staticmethod
    def _number_and_freeze(session: OrmSession, draft: Invoice, issued_at_ms: int) -> Invoice:
        year = from_ms(issued_at_ms).astimezone(ZoneInfo(draft.site.zone)).year
        last = session.scalar(select(func.max(InvoiceRow.sequence)).where(InvoiceRow.year == year))
        sequence = (last or 0) + 1
        issued = replace(
            draft,
            status=InvoiceStatus.ISSUED,
            number=f"{year}-{sequence:04d}",
            issued_at_ms=issued_at_ms,
            content_sha256="",
        )
        content = canonical(issued)
        digest = hashlib.sha256(content.encode()).hexdigest()
        assert issued.number is not None
        session.add(
            InvoiceRow(
                number=issued.number,
                year=year,
                sequence=sequence,
                client_id=draft.client.client_id,
                month=draft.month,
                issued_at_ms=issued_at_ms,
                currency=draft.currency,
                total_units=draft.total_units,
                content=content,
                content_sha256=digest,
            )
        )
        session.flush()
        uses = {("contract", c.contract_id, c.version) for c in draft.contract_versions}
        uses |= {("tariff", t.tariff_id, t.version) for t in draft.tariff_versions}
        for kind, subject_id, version in sorted(uses):
            session.add(
                InvoiceUseRow(
                    number=issued.number, kind=kind, subject_id=subject_id, version=version
                )
            )
        return replace(issued, content_sha256=digest)

    def attach_pdf(self, number: str, pdf: bytes) -> None:
        digest = hashlib.sha256(pdf).hexdigest()
        with orm.writing(self._database) as session:
            if session.get(InvoiceRow, number) is None:
                raise NotFound(
                    where=f"invoice {number}",
                    what="there is none.",
                    remedy="See the list of bills.",
                )
            there = session.get(InvoicePaperRow, number)
            if there is None:
                session.add(InvoicePaperRow(number=number, pdf=pdf, pdf_sha256=digest))
            elif there.pdf_sha256 != digest:
                raise InvoiceError(
                    where=f"invoice {number}",
                    what="its paper is kept already and differs from this one.",
                    remedy="Use the paper that is kept.",
                )

    def pdf(self, number: str) -> bytes | None:
        with orm.reading(self._database) as session:
            row = session.get(InvoicePaperRow, number)
            if row is None:
                return None
            if hashlib.sha256(row.pdf).hexdigest() != row.pdf_sha256:
                raise _altered(number)
            return bytes(row.pdf)


def _content(invoice: Invoice) -> str:
    """What is billed, without what issuing adds."""
    return canonical(
        replace(
            invoice,
            status=InvoiceStatus.DRAFT,
            number=None,
            issued_at_ms=None,
            content_sha256="",
        )
    )


def _revived(row: InvoiceRow) -> Invoice:
    if hashlib.sha256(row.content.encode()).hexdigest() != row.content_sha256:
        raise _altered(row.number)
    return replace(revive(Invoice, row.content), content_sha256=row.content_sha256)


def _altered(number: str) -> InvoiceError:
    return InvoiceError(
        where=f"invoice {number}",
        what="what is stored is not what was issued: its hash does not fit.",
        remedy="Restore a backup from before.",
    )
