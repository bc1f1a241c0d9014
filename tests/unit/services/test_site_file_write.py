"""What is exported as a site file is read back as the same site."""

from dataclasses import replace
from datetime import date
from decimal import Decimal

from hypothesis import given, settings
from hypothesis import strategies as st

from energy_desktop.acquisition.simulator import demo_configuration
from energy_desktop.domain.configuration import Configuration
from energy_desktop.domain.contract import Client, ContractVersion, WeeklyHours
from energy_desktop.domain.site import Link, LinkKind, Meter, Site
from energy_desktop.services.site_file import parse, site_file_text

# Whatever a person may type or paste into a name, but NUL, which no site file may hold.
NAMES = st.text(
    st.characters(exclude_characters="\0", exclude_categories=("Cs",)), min_size=1, max_size=60
)
DAYS = st.lists(st.integers(0, 1440), unique=True, max_size=6).map(
    lambda ends: tuple(zip(sorted(ends)[0::2], sorted(ends)[1::2], strict=False))
)


def there_and_back(configuration: Configuration) -> Configuration:
    return parse(site_file_text(configuration), "site.toml")


def a_site(**facts: object) -> Configuration:
    return Configuration(site=Site(name="Works", zone="Europe/Berlin", **facts))


def test_the_demo_site_comes_back_equal():
    demo = replace(demo_configuration("127.0.0.1", 15020, installed=date(2026, 8, 1)), prices=())

    assert there_and_back(demo) == demo


@given(name=NAMES, lines=st.lists(NAMES, max_size=3), equipment=NAMES)
@settings(max_examples=150)
def test_any_name_comes_back_letter_for_letter(name: str, lines: list[str], equipment: str):
    there = replace(
        a_site(operator=name, operator_address=tuple(lines)),
        meters=(Meter("m1", name, equipment=equipment),),
        clients=(Client("k1", name, tuple(lines), email=name),),
    )

    assert there_and_back(there) == there


@given(days=st.lists(DAYS, min_size=7, max_size=7), on_holidays=st.booleans())
@settings(max_examples=100)
def test_contract_hours_come_back_for_each_day(days: list, on_holidays: bool):
    contract = ContractVersion(
        "c1",
        1,
        "k1",
        date(2026, 1, 1),
        WeeklyHours(tuple(days), on_holidays),
        "t1",
        ("zone-1",),
        date(2027, 1, 1),
    )
    there = replace(a_site(), contracts=(contract,))

    assert there_and_back(there) == there


@given(
    voltage=st.floats(50, 1000),
    demand=st.none() | st.floats(0, 1e9),
    price=st.decimals(-5, 5, places=4),
)
@settings(max_examples=100)
def test_numbers_and_prices_come_back_exactly(voltage: float, demand: float | None, price: Decimal):
    there = a_site(nominal_voltage_v=voltage, contract_demand_w=demand, price_import_per_kwh=price)

    assert there_and_back(there) == there


def test_each_kind_of_link_says_what_it_needs_and_nothing_else():
    tcp = Link("lan", LinkKind.MODBUS_TCP, host="10.0.0.7", port=1502, timeout_s=2.5)
    bus = Link("bus", LinkKind.MODBUS_RTU, device="/dev/ttyUSB0", parity="E", guard_s=0.5)
    there = replace(a_site(), links=(tcp, bus))

    text = site_file_text(there)

    assert there_and_back(there) == there
    assert text.count("host") == 1
    assert text.count("device =") == 1


def test_what_is_usual_is_not_written():
    text = site_file_text(replace(a_site(), meters=(Meter("m1", "Main"),)))

    assert "poll_interval_s" not in text
    assert "nominal_voltage_v" not in text
    assert 'name = "Main"' in text
