"""A file of tariffs is taken whole or refused in words."""

import pytest

from energy_desktop.domain.errors import DataFileError
from energy_desktop.services.fleet_tariffs import read_tariffs

GOOD = '[a.rates]\nall = {{ price = "{price}" }}\n[b.rates]\nall = {{ price = "0.2" }}\n'


def test_prices_are_exact(tmp_path):
    (tmp_path / "t.toml").write_text(GOOD.format(price="0.142301"))

    a, _, currency = read_tariffs(tmp_path / "t.toml")

    assert (str(a.rates[0].price_per_kwh), currency) == ("0.142301", "")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (GOOD.format(price="1e999999999"), "beyond any price"),
        (GOOD.format(price="NaN"), "decimals"),
        ("x = " + "9" * 5_000, "a number without end"),
        ("x = " + "[" * 5_000 + "]" * 5_000, "nested too deeply"),
        ("x = \x00", "cannot be read"),
        ("[a.rates]\nall = { prize = 1 }", "has no price"),
    ],
)
def test_what_is_no_tariff_is_said(tmp_path, text, words):
    (tmp_path / "t.toml").write_text(text)

    with pytest.raises(DataFileError, match=words):
        read_tariffs(tmp_path / "t.toml")
