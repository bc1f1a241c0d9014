"""The billing service on stores in memory: lists, numbers, papers, the rival."""

from dataclasses import replace
from datetime import UTC, date, datetime

import numpy as np
import pytest

from energy_desktop.domain.clock import to_ms
from energy_desktop.domain.configuration import Configuration
from energy_desktop.domain.energy import Buckets
from energy_desktop.domain.errors import InvoiceError, NotFound
from energy_desktop.domain.invoice import InvoiceStatus
from energy_desktop.services.billing import BillingService, number_gaps

from .builders import a_client, a_contract, a_meter, a_site, a_tariff, intervals, reconciliation
from .test_draft import a_draft

NOW = datetime(2026, 4, 15, 12, 0, tzinfo=UTC)


class Configured:
    def __init__(self, **changes):
        values = {
            "site": a_site(),
            "clients": (a_client(),),
            "contracts": (a_contract(),),
            "tariffs": (a_tariff(),),
            "meters": (a_meter(),),
        }
        self.value = Configuration(**(values | changes))

    def load(self):
        return self.value


class Booked:
    """A ledger with 100 Wh in every quarter hour of every month."""

    def registers(self, _):
        return ("energy_import_wh",)

    def intervals(self, meter_id, start_ms, end_ms, **_):
        every = [intervals(f"2026-0{n}", meter_id=meter_id) for n in range(1, 6)]
        starts = np.concatenate([i.start_ms for i in every])
        keep = (starts >= start_ms) & (starts < end_ms)
        return replace(
            every[0],
            start_ms=starts[keep],
            energy_wh=np.concatenate([i.energy_wh for i in every])[keep],
            quality=np.concatenate([i.quality for i in every])[keep],
        )

    def reconciliation(self, meter_id, start_ms, end_ms, **_):
        return reconciliation(self.intervals(meter_id, start_ms, end_ms))


class Archive:
    """InvoiceStore in memory."""

    def __init__(self, *there):
        self.invoices = list(there)
        self.papers = {}

    def issued(self, client_id=None, month=None):
        return tuple(
            i
            for i in self.invoices
            if client_id in (None, i.client.client_id) and month in (None, i.month)
        )

    def issue(self, draft, issued_at_ms):
        number = f"2026-{len(self.invoices) + 1:04d}"
        made = replace(draft, status=InvoiceStatus.ISSUED, number=number, issued_at_ms=issued_at_ms)
        self.invoices.append(made)
        return made

    def attach_pdf(self, number, pdf):
        self.papers[number] = pdf

    def pdf(self, number):
        return self.papers.get(number)


class Samples:
    """Power each minute, constant; None: the meter gives none."""

    def __init__(self, power_w=400.0, first="2026-02-03T00:00:00+00:00"):
        self.power_w = power_w
        self.first_ms = to_ms(datetime.fromisoformat(first))

    def extent(self, _):
        return self.first_ms, to_ms(NOW)

    def buckets(self, meter_id, name, start_ms, end_ms, _):
        starts = np.arange(start_ms, end_ms, 60_000, dtype=np.int64)
        if self.power_w is None:
            starts = starts[:0]
        values = np.full(len(starts), self.power_w or 0.0)
        n = np.ones(len(starts), dtype=np.int64)
        return Buckets(meter_id, name, starts, starts + 60_000, n, *([values] * 5))


def a_service(archive=None, history=None, *, render=lambda i: f"paper {i.number}".encode(), **site):
    return BillingService(
        Configured(**site), Booked(), archive or Archive(), lambda: NOW, render, history
    )


def numbered(number):
    return replace(a_draft(), status=InvoiceStatus.ISSUED, number=number)


def test_months_begin_with_the_first_reading_and_end_now():
    assert a_service(history=Samples()).overview().months == ("2026-04", "2026-03", "2026-02")


def test_without_a_history_months_begin_with_the_first_contract():
    contract = a_contract(valid_from=date(2026, 3, 10))

    assert a_service(contracts=(contract,)).overview().months == ("2026-04", "2026-03")


def test_the_overview_begins_with_the_last_complete_month():
    (draft,) = a_service(history=Samples()).overview().drafts

    assert draft.month == "2026-03"
    assert draft.blockers == ()


def test_the_next_number_follows_the_last_of_this_year():
    before = (numbered("2025-0041"), numbered("2026-0001"), numbered("2026-0002"))

    assert a_service(Archive(*before)).overview().next_number == "2026-0003"
    assert a_service().overview().next_number == "2026-0001"


def test_a_missing_number_is_named():
    there = tuple(numbered(n) for n in ("2025-0001", "2025-0003", "2026-0002"))

    assert number_gaps(there) == ("2025-0002", "2026-0001")
    assert number_gaps(()) == ()


def test_a_number_without_its_paper_gets_it_when_issued_again():
    archive = Archive()
    dying = a_service(archive, render=lambda _: (_ for _ in ()).throw(OSError("killed")))
    with pytest.raises(OSError, match="killed"):
        dying.issue("meyer", "2026-03")
    assert archive.papers == {}

    again = a_service(archive).issue("meyer", "2026-03")

    assert again.number == "2026-0001"
    assert archive.papers == {"2026-0001": b"paper 2026-0001"}


def test_the_kept_paper_is_given_and_not_a_new_one():
    archive = Archive()
    invoice = a_service(archive).issue("meyer", "2026-03")

    other = a_service(archive, render=lambda _: b"another hand")

    assert other.paper(invoice) == b"paper 2026-0001"


def test_a_blocked_month_takes_no_number():
    archive = Archive()

    with pytest.raises(InvoiceError, match="not over"):
        a_service(archive).issue("meyer", "2026-04")

    assert archive.invoices == []


def test_the_rival_is_computed_from_power_where_there_is_any():
    # 400 W all month: the rival takes the clock change of 29 March wrong, the bill does not.
    rich = a_service(history=Samples()).calendar("meyer", "2026-03")
    poor = a_service(history=Samples(None)).calendar("meyer", "2026-03")

    assert rich.naive_outside_wh == pytest.approx(rich.outside_wh, rel=0.01)
    assert poor.naive_outside_wh is None
    assert a_service().calendar("meyer", "2026-03").naive_outside_wh is None


def test_the_sheet_is_one_month_of_one_client():
    sheet = a_service().sheet("meyer", "2026-03")

    assert sheet.calendar.outside_wh == sheet.invoice.outside_wh
    with pytest.raises(NotFound):
        a_service().sheet("nobody", "2026-03")
