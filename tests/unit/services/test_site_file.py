"""A site file is read with every mistake named by line, and applied whole or not at all."""

from dataclasses import replace
from datetime import date
from decimal import Decimal

import pytest

from energy_desktop.domain.configuration import Configuration
from energy_desktop.domain.driver import DriverInfo
from energy_desktop.domain.errors import SiteFileError
from energy_desktop.domain.site import Link, LinkKind, Meter, Site
from energy_desktop.services.site_file import SiteFileService, parse, site_file_text
from energy_desktop.services.site_file.check import check

GOOD = """\
[site]
name = "Works"
zone = "Europe/Berlin"
contract_demand_w = 260_000

[[spaces]]
id = "hall"
name = "Hall"
kind = "zone"

[[links]]
id = "gate"
kind = "modbus_tcp"
host = "127.0.0.1"
port = 1502

[[meters]]
id = "lathe"
name = "Lathe"
driver = "eastron_sdm120"
link = "gate"
unit = 7
space = "hall"

[[clients]]
id = "acme"
name = "Acme & Sons"

[[tariffs]]
id = "t"
valid_from = 2026-01-01
energy_price_per_kwh = "0.2500"
out_of_hours_price_per_kwh = "0.3750"
tax_pct = "19"

[[contracts]]
id = "c"
client = "acme"
valid_from = 2026-01-01
tariff = "t"
spaces = ["hall"]
hours = { weekdays = ["08:00-20:00"], sat = ["09:00-13:00"], holidays = false }
"""


class Store:
    """A configuration in memory that counts how often it was replaced."""

    def __init__(self) -> None:
        self.held = Configuration()
        self.replaced = 0

    def load(self) -> Configuration:
        return self.held

    def replace(self, configuration: Configuration) -> None:
        self.held = configuration
        self.replaced += 1


class Catalogue:
    def drivers(self) -> tuple[DriverInfo, ...]:
        return (DriverInfo("eastron_sdm120", "Eastron", ("SDM120",), ("power_w",), "manual"),)


@pytest.fixture
def store() -> Store:
    return Store()


def apply(store: Store, text: str, tmp_path):
    file = tmp_path / "site.toml"
    file.write_text(text, encoding="utf-8")
    return SiteFileService(store, Catalogue()).apply(file)


def test_a_good_file_becomes_values():
    site = parse(GOOD, "site.toml")

    assert site.site.zone == "Europe/Berlin"
    assert site.meters[0].unit_id == 7
    assert site.tariffs[0].out_of_hours_price_per_kwh == Decimal("0.3750")
    hours = site.contracts[0].hours
    assert hours.days[0] == ((480, 1200),)
    assert hours.days[5] == ((540, 780),)
    assert hours.days[6] == ()
    assert not hours.on_holidays
    assert site.contracts[0].valid_from == date(2026, 1, 1)


def test_applying_twice_changes_nothing_the_second_time(store, tmp_path):
    first = apply(store, GOOD, tmp_path)
    second = apply(store, GOOD, tmp_path)

    assert first.added["meters"] == 1
    assert second.nothing_new
    assert second.unchanged["contracts"] == 1
    assert store.replaced == 1


@pytest.mark.parametrize(
    ("before", "after", "reason"),
    [
        ("unit = 7", "unit = 1e400", "`unit` is inf; it must lie in 0 to 255"),
        ("unit = 7", f"unit = {'9' * 400}", "it must lie in 0 to 255"),
        ("unit = 7", f"unit = {'9' * 5000}", "It holds a number without end"),
        ("unit = 7", f"unit = {'[' * 3000}", "It is nested too deeply"),
        ('id = "lathe"', "id = {}", "`id` is {}; write it as text in quotes"),
        ("[site]", "[[site]]", "There is one site: write it as [site]"),
        (GOOD, "spaces = [1, 2]", "Write each entry as [[spaces]]"),
        ('"0.2500"', '"1e999999999"', "it may be 1,000,000 at most"),
        ('"0.2500"', "9" * 30, "it may be 1,000,000 at most"),
        ('["08:00-20:00"]', "true", "hours say True; write them as"),
        ('["08:00-20:00"]', "7", "hours say 7; write them as"),
        ("unit = 7", 'unit = 7\nparent = "lathe"', "Meter lathe is behind itself"),
    ],
)
def test_whatever_stands_in_a_file_is_a_mistake_in_words(store, tmp_path, before, after, reason):
    assert before in GOOD

    with pytest.raises(SiteFileError) as caught:
        apply(store, GOOD.replace(before, after, 1), tmp_path)

    assert reason in str(caught.value)
    assert store.replaced == 0


def test_a_file_without_end_is_not_read_to_its_end(store, tmp_path):
    file = tmp_path / "site.toml"
    with file.open("wb") as sparse:
        sparse.truncate(1 << 34)

    with pytest.raises(SiteFileError, match=r"longer than 20,000,000 characters"):
        SiteFileService(store, Catalogue()).apply(file)


def test_meters_in_a_ring_are_behind_themselves_and_those_behind_the_ring_are_not():
    ring = tuple(
        Meter(one, one, parent_id=above) for one, above in [("a", "b"), ("b", "a"), ("c", "a")]
    )

    found = check(Configuration(site=Site("Works", "UTC"), meters=ring), ())

    assert [index for _, index, _ in found] == [0, 1]


def test_what_the_file_does_not_name_stays(store, tmp_path):
    apply(store, GOOD, tmp_path)
    more = '[[meters]]\nid = "MAC1"\nname = "Imported"\n'

    apply(store, more, tmp_path)

    assert [m.meter_id for m in store.held.meters] == ["lathe", "MAC1"]


@pytest.mark.parametrize(
    ("old", "new", "line", "sentence"),
    [
        ('zone = "Europe/Berlin"', 'zone = "Europe/Bern1"', 1, "no IANA time zone"),
        ("unit = 7", "unit = 700", 22, "must lie in 0 to 255"),
        ("unit = 7", "unti = 7", 22, "Is `unit` meant?"),
        ('driver = "eastron_sdm120"', 'driver = "sdm121"', 17, "no driver 'sdm121'"),
        ('link = "gate"', 'link = "gat"', 17, "no link 'gat'"),
        ('"0.3750"', "0.375", 33, "write it in quotes"),
        ('"0.3750"', '"0.37501"', 33, "4 decimals at most"),
        ("valid_from = 2026-01-01\ntariff", "valid_from = 2025-01-01\ntariff", 36, "first price"),
        ('client = "acme"', 'client = "acne"', 36, "no client 'acne'"),
        ('["08:00-20:00"]', '["20:00-08:00"]', 36, "overlap or leave the day"),
        ('["08:00-20:00"]', '["8 to 20"]', 42, "write them as"),
        ('spaces = ["hall"]', 'spaces = ["attic"]', 36, "no zone of the site"),
        ("[[spaces]]", "[[spases]]", 6, "knows no [spases]"),
        ('kind = "modbus_tcp"', 'kind = "modbus"', 13, "it is one of"),
    ],
)
def test_a_mistake_is_named_by_line_and_nothing_is_changed(
    store, tmp_path, old, new, line, sentence
):
    broken = GOOD.replace(old, new, 1)
    assert broken != GOOD

    with pytest.raises(SiteFileError) as caught:
        apply(store, broken, tmp_path)

    assert sentence in str(caught.value)
    assert f"line {line}" in str(caught.value)
    assert store.replaced == 0


def test_all_mistakes_are_told_at_once(store, tmp_path):
    broken = GOOD.replace("unit = 7", "unit = 700").replace('"0.2500"', '"abc"')

    with pytest.raises(SiteFileError, match="2 mistakes") as caught:
        apply(store, broken, tmp_path)

    assert "line 22" in str(caught.value)
    assert "line 32" in str(caught.value)


def test_no_toml_is_said_with_its_line(store, tmp_path):
    with pytest.raises(SiteFileError, match=r"line 2: This is no TOML"):
        apply(store, "[site]\nname = = 3\n", tmp_path)


def test_a_missing_file_is_said_in_words(store, tmp_path):
    with pytest.raises(SiteFileError, match="There is no such file"):
        SiteFileService(store, Catalogue()).apply(tmp_path / "none.toml")


def test_two_meters_cannot_share_a_unit_on_one_link(store, tmp_path):
    twin = GOOD + (
        '[[meters]]\nid = "twin"\nname = "T"\ndriver = "eastron_sdm120"\nlink = "gate"\nunit = 7\n'
    )

    with pytest.raises(SiteFileError, match="is used twice"):
        apply(store, twin, tmp_path)


def test_contract_versions_must_meet(store, tmp_path):
    apply(store, GOOD, tmp_path)
    first = store.held.contracts[0]
    store.held = replace(store.held, contracts=(replace(first, valid_to=date(2026, 5, 1)),))
    second = GOOD[GOOD.index("[[contracts]]") :].replace("2026-01-01", "2026-06-01")

    with pytest.raises(SiteFileError, match="they must meet"):
        apply(store, second.replace('id = "c"', 'id = "c"\nversion = 2'), tmp_path)


def test_an_entry_keeps_what_the_file_does_not_say(store, tmp_path):
    apply(store, GOOD, tmp_path)
    before = store.held

    changes = apply(store, '[[meters]]\nid = "lathe"\nname = "Big lathe"\n', tmp_path)
    apply(store, '[[contracts]]\nid = "c"\nvalid_to = 2027-01-01\n', tmp_path)
    apply(store, '[site]\nname = "New name"\n', tmp_path)

    assert changes.changed["meters"] == 1
    assert store.held.meters == (replace(before.meters[0], name="Big lathe"),)
    assert store.held.contracts == (replace(before.contracts[0], valid_to=date(2027, 1, 1)),)
    assert store.held.site == replace(before.site, name="New name")


def test_a_new_version_inherits_nothing_from_the_one_before(store, tmp_path):
    apply(store, GOOD, tmp_path)

    with pytest.raises(SiteFileError, match="lacks `valid_from`"):
        apply(store, '[[tariffs]]\nid = "t"\nversion = 2\n', tmp_path)


def test_a_driver_must_speak_what_its_link_carries():
    site = Site("Test", "UTC")
    link = Link("optical", LinkKind.SML, device="/dev/ttyUSB0")
    meter = Meter("m", "M", driver_id="sdm", link_id="optical")
    configuration = Configuration(site, links=(link,), meters=(meter,))

    wrong = [sentence for _, _, sentence in check(configuration, {"sdm": "modbus"})]
    right = check(configuration, {"sdm": "obis"})
    unknown = check(configuration, frozenset({"sdm"}))

    assert wrong == [
        "Meter m: the driver sdm speaks modbus, which the link optical (SML (optical head)) does "
        "not carry."
    ]
    assert right == unknown == []


def test_sunspec_goes_over_modbus_and_two_parts_of_a_device_share_its_unit():
    link = Link("roof", LinkKind.MODBUS_TCP, host="10.0.0.9")
    meters = tuple(
        Meter(part, part, driver_id="sunspec", link_id="roof", unit_id=unit, address=part[:5])
        for unit, part in ((1, "inverter"), (1, "meter"), (2, "meter_of_two"))
    )
    configuration = Configuration(Site("Test", "UTC"), links=(link,), meters=meters)

    assert check(configuration, {"sunspec": "sunspec"}) == []


def test_how_long_readings_are_kept_is_a_fact_of_the_site_with_a_range():
    site = parse('[site]\nname = "W"\nzone = "UTC"\nraw_days = 92\n', "site.toml").site

    assert (site.raw_days, site.minute_days) == (92, 730)
    with pytest.raises(SiteFileError, match=r"line 4.*raw_days"):
        parse('[site]\nname = "W"\nzone = "UTC"\nraw_days = 2\n', "site.toml")


def test_a_tariff_that_names_no_currency_takes_the_one_of_its_site(store, tmp_path):
    pounds = GOOD.replace("[site]\n", '[site]\ncurrency = "GBP"\n')
    later = (
        '[[tariffs]]\nid = "t"\nversion = 2\nvalid_from = 2027-01-01\n'
        'energy_price_per_kwh = "0.30"\nout_of_hours_price_per_kwh = "0.40"\n'
    )

    apply(store, pounds, tmp_path)
    apply(store, later, tmp_path)

    assert [t.currency for t in store.held.tariffs] == ["GBP", "GBP"]
    assert parse(GOOD, "site.toml").tariffs[0].currency == "EUR"


def test_a_stored_tariff_keeps_its_currency_when_the_site_takes_another(store, tmp_path):
    apply(store, GOOD, tmp_path)

    apply(store, GOOD.replace("[site]\n", '[site]\ncurrency = "GBP"\n'), tmp_path)

    assert store.held.site.currency == "GBP"
    assert store.held.tariffs[0].currency == "EUR"
    assert parse(site_file_text(store.held), "written.toml") == store.held
