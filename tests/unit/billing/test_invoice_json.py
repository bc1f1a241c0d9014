import json
from dataclasses import replace
from datetime import date
from decimal import Decimal

import pytest

from energy_desktop.domain.energy import IntervalQuality, Reconciliation, RegisterReading
from energy_desktop.domain.errors import InvoiceError
from energy_desktop.domain.invoice import (
    EvidenceInterval,
    Invoice,
    InvoiceLine,
    InvoiceStatus,
    MeterEvidence,
)
from energy_desktop.domain.invoice_json import (
    content_sha256,
    invoice_from_json,
    invoice_to_json,
    with_content_hash,
)

from .builders import a_client, a_contract, a_site, a_tariff


def an_invoice(**changes):
    reading = RegisterReading("light-a", "energy_import_wh", 1000, 5_000)
    values = {
        "status": InvoiceStatus.DRAFT,
        "number": None,
        "site": a_site(contract_demand_w=50_000.0),
        "client": a_client(name="Müller & <Söhne>"),
        "contract_versions": (a_contract(valid_to=date(2027, 1, 1)),),
        "tariff_versions": (a_tariff(),),
        "month": "2026-03",
        "period_start_ms": 0,
        "period_end_ms": 900_000,
        "issued_at_ms": None,
        "lines": (
            InvoiceLine(
                date(2026, 3, 1), 100, 0, 0, 900_000, 1, Decimal("0.3820"), 400, "standard"
            ),
        ),
        "meters": (
            MeterEvidence(
                "light-a",
                "Lighting",
                "SN-1",
                True,
                0,
                100,
                Reconciliation(
                    "light-a",
                    "energy_import_wh",
                    reading,
                    replace(reading, value_wh=5_100),
                    100,
                    100,
                    0,
                    0,
                ),
            ),
        ),
        "evidence": (EvidenceInterval("light-a", 0, 900, 100, IntervalQuality.ESTIMATED),),
        "currency": "EUR",
        "net_units": 400,
        "tax_pct": Decimal(19),
        "tax_units": 100,
        "total_units": 500,
        "inside_wh": 0,
        "outside_wh": 100,
    }
    return with_content_hash(Invoice(**(values | changes)))


def test_an_invoice_comes_back_from_its_text_as_it_was():
    invoice = an_invoice()

    again = invoice_from_json(invoice_to_json(invoice))

    assert again == invoice
    assert invoice_to_json(again) == invoice_to_json(invoice)


def test_equal_prices_written_differently_give_the_same_text():
    one = an_invoice(tariff_versions=(a_tariff(out="0.30"),), tax_pct=Decimal("10"))
    other = an_invoice(tariff_versions=(a_tariff(out="0.3"),), tax_pct=Decimal("10.00"))

    assert invoice_to_json(one) == invoice_to_json(other)


def test_equal_volts_written_as_a_whole_number_give_the_same_text():
    one = an_invoice(site=a_site(nominal_voltage_v=230))
    other = an_invoice(site=a_site(nominal_voltage_v=230.0))

    assert invoice_to_json(one) == invoice_to_json(other)


def test_issuing_changes_the_text_but_not_the_hash_of_the_content():
    draft = an_invoice()
    issued = replace(draft, status=InvoiceStatus.ISSUED, number="2026-0001", issued_at_ms=7)

    assert content_sha256(issued) == draft.content_sha256
    assert invoice_to_json(issued) != invoice_to_json(draft)


@pytest.mark.parametrize(
    "change",
    [
        {"total_units": 501},
        {"notes": ("a note",)},
        {"evidence": ()},
        {"client": a_client(name="Somebody else")},
    ],
)
def test_every_change_of_the_content_changes_the_hash(change):
    assert an_invoice(**change).content_sha256 != an_invoice().content_sha256


def test_what_a_later_version_tells_of_a_meter_is_written_only_where_it_says_something():
    """So an invoice of an earlier version keeps its bytes and its hash."""
    invoice = an_invoice()
    (meter,) = invoice.meters
    proof = replace(meter.reconciliation, edited_wh=7)
    edited = replace(invoice, meters=(replace(meter, reconciliation=proof),))

    assert "edited_wh" not in invoice_to_json(invoice)
    assert invoice_from_json(invoice_to_json(edited)) == edited
    assert content_sha256(edited) != content_sha256(invoice)


def test_a_text_of_a_newer_program_is_refused_in_words():
    raw = json.loads(invoice_to_json(an_invoice())) | {"format": 2}

    with pytest.raises(InvoiceError, match="newer version"):
        invoice_from_json(json.dumps(raw))


@pytest.mark.parametrize(
    "damage",
    [
        lambda raw: raw.pop("lines"),
        lambda raw: raw.update(total_units="500"),
        lambda raw: raw.update(surprise=1),
        lambda raw: raw.update(tax_pct="abc"),
        lambda raw: raw["evidence"][0].pop(),
        lambda raw: raw.pop("format"),
    ],
)
def test_a_damaged_text_is_refused_in_words(damage):
    raw = json.loads(invoice_to_json(an_invoice()))
    damage(raw)

    with pytest.raises(InvoiceError, match="damaged"):
        invoice_from_json(json.dumps(raw))


def test_a_text_that_is_no_json_is_refused_in_words():
    with pytest.raises(InvoiceError, match="damaged"):
        invoice_from_json('{"format": 1, "mo')
