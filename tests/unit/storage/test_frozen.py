"""Canonical JSON: one text per value, and the value back."""

from dataclasses import replace
from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from energy_desktop.domain.contract import TariffVersion, WeeklyHours
from energy_desktop.domain.invoice import Invoice
from energy_desktop.storage.frozen import canonical, revive
from tests.support.store_builders import a_draft


def test_an_invoice_comes_back_equal():
    draft = a_draft()

    assert revive(Invoice, canonical(draft)) == draft


@given(st.decimals(min_value=-1, max_value=10**6, places=4))
def test_equal_prices_have_one_text(price):
    tariff = TariffVersion("t", 1, date(2026, 1, 1), price, price, "EUR")
    padded = replace(tariff, energy_price_per_kwh=price + Decimal("0.0000000"))

    assert canonical(tariff) == canonical(padded)
    assert revive(TariffVersion, canonical(tariff)) == tariff


def test_weekly_hours_keep_their_spans():
    hours = WeeklyHours((((480, 720), (780, 1_200)),) * 5 + ((), ()), on_holidays=False)

    assert revive(WeeklyHours, canonical(hours)) == hours


def test_what_has_no_canonical_form_is_refused():
    with pytest.raises(TypeError):
        canonical(object())
