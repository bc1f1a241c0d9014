"""Configuration, invoices, alarms and findings."""

from contextlib import closing
from dataclasses import replace
from datetime import date

import pytest
import sqlcipher3.dbapi2 as driver

from energy_desktop.domain.alarm import Alarm, AlarmRule, AlarmState, Condition
from energy_desktop.domain.clock import parse_utc
from energy_desktop.domain.contract import PriceSlot
from energy_desktop.domain.device import Battery, Device, DeviceKind
from energy_desktop.domain.errors import InvoiceError, NotFound, StoreError
from energy_desktop.domain.finding import Finding, FindingKind, FindingState
from energy_desktop.domain.invoice import InvoiceStatus
from energy_desktop.domain.site import Link, LinkKind, Meter
from energy_desktop.storage import open_store
from tests.support.store_builders import (
    HOUR_MS,
    T0,
    a_client,
    a_configuration,
    a_contract,
    a_draft,
    a_tariff,
)

ISSUED_AT = parse_utc("2026-04-02T09:00:00Z")


def full():
    return a_configuration(
        devices=(Device("d", "Lamps", DeviceKind.LIGHTING, "m", 800.0, shed_order=1),),
        batteries=(Battery("bat", "Battery", "grid", 10_000.0, 5_000.0, 5_000.0),),
        alarm_rules=(AlarmRule("r", "Voltage high", "*", "voltage_v", Condition.HIGH, 253.0),),
    )


def test_a_configuration_comes_back_equal_and_applies_twice_without_a_change(store, path):
    store.configuration.replace(full())
    with closing(driver.connect(str(path))) as other:
        before = other.execute("PRAGMA data_version").fetchone()
        store.configuration.replace(full())
        assert other.execute("PRAGMA data_version").fetchone() == before
        store.configuration.replace(replace(full(), devices=()))
        assert other.execute("PRAGMA data_version").fetchone() != before
        store.configuration.replace(full())
    assert store.configuration.load() == full()


def test_order_changes_and_removals_are_written(store):
    store.configuration.replace(full())
    changed = replace(
        full(), meters=(Meter("x", "New"), *reversed(full().meters)), devices=(), batteries=()
    )

    store.configuration.replace(changed)

    assert store.configuration.load() == changed


@pytest.mark.parametrize(
    "wrong",
    [
        a_configuration(contracts=(a_contract("nobody"),)),
        a_configuration(clients=(a_client(), a_client())),
        a_configuration(devices=(Device("d", "x", DeviceKind.HVAC, "no meter", 1.0),)),
        a_configuration(site=replace(a_configuration().site, zone="Mars/Olympus")),
    ],
)
def test_nothing_is_changed_when_anything_is_wrong(store, wrong):
    store.configuration.replace(full())

    with pytest.raises(StoreError):
        store.configuration.replace(replace(wrong, links=()))

    assert store.configuration.load() == full()


def test_hostile_names_are_stored_literally(store):
    name = "'; DROP TABLE meters; -- =cmd|' /C calc'!A0 <img src=x> \u202e"
    configuration = a_configuration(clients=(replace(a_client(), name=name),))

    store.configuration.replace(configuration)

    assert store.configuration.load().clients[0].name == name


def test_meters_are_saved_and_removed_one_by_one(store):
    store.configuration.replace(full())
    link = Link("serial", LinkKind.MODBUS_RTU, device="/dev/ttyUSB0")
    meter = Meter("new", "New", "eastron_sdm120", "serial", unit_id=7)

    store.configuration.save_meter(meter, link)
    store.configuration.save_meter(replace(meter, unit_id=8), None)

    loaded = store.configuration.load()
    assert loaded.meter("new").unit_id == 8
    assert loaded.link("serial") == link
    store.configuration.remove_meter("new")
    assert store.configuration.load().meter("new") is None
    with pytest.raises(NotFound):
        store.configuration.remove_meter("new")
    with pytest.raises(StoreError, match="Lamps"):
        store.configuration.remove_meter("m")


def test_prices_of_mixed_steps_are_added_once_and_corrected(store):
    hour = [PriceSlot(T0 + i * HOUR_MS, T0 + (i + 1) * HOUR_MS, 0.2, 0.05) for i in range(3)]
    quarter = [
        PriceSlot(T0 + 3 * HOUR_MS + i * 900_000, T0 + 3 * HOUR_MS + (i + 1) * 900_000, -0.1, -0.1)
        for i in range(4)
    ]

    assert store.configuration.add_prices([*hour, *quarter]) == 7
    assert store.configuration.add_prices([*hour, *quarter]) == 0
    assert store.configuration.add_prices([replace(hour[1], import_per_kwh=0.3)]) == 1

    prices = store.configuration.prices(T0 + HOUR_MS, T0 + 3 * HOUR_MS + 1)
    assert [p.import_per_kwh for p in prices] == [0.3, 0.2, -0.1]


def test_settings_are_kept(store):
    assert store.configuration.setting("theme") is None
    store.configuration.save_setting("theme", "dark")
    store.configuration.save_setting("theme", "light")
    assert store.configuration.setting("theme") == "light"


def test_numbers_have_no_gap_and_begin_anew_each_year(store):
    numbers = [
        store.invoices.issue(a_draft(month=f"2026-0{m}"), ISSUED_AT).number for m in (1, 2, 3)
    ]
    # In Berlin the new year has begun, in UTC it has not.
    new_year = parse_utc("2026-12-31T23:30:00Z")
    numbers.append(store.invoices.issue(a_draft(month="2026-12"), new_year).number)

    assert numbers == ["2026-0001", "2026-0002", "2026-0003", "2027-0001"]


def test_issuing_is_idempotent_and_never_changes_what_was_issued(store):
    first = store.invoices.issue(a_draft(), ISSUED_AT)
    again = store.invoices.issue(a_draft(), ISSUED_AT + 99_000)

    assert again == first
    assert (first.status, len(first.content_sha256)) == (InvoiceStatus.ISSUED, 64)
    with pytest.raises(InvoiceError, match="billed otherwise"):
        store.invoices.issue(a_draft(energy_wh=1), ISSUED_AT)
    assert store.invoices.issued() == (first,)
    assert store.invoices.issued("alpha", "2026-04") == ()


def test_a_draft_with_blockers_is_not_issued_and_takes_no_number(store):
    with pytest.raises(InvoiceError, match="month is not over"):
        store.invoices.issue(replace(a_draft(), blockers=("The month is not over.",)), ISSUED_AT)

    assert store.invoices.issue(a_draft(), ISSUED_AT).number == "2026-0001"


def test_the_paper_is_kept_once_and_must_stay_the_same(store):
    number = store.invoices.issue(a_draft(), ISSUED_AT).number
    assert store.invoices.pdf(number) is None
    store.invoices.attach_pdf(number, b"%PDF one")
    store.invoices.attach_pdf(number, b"%PDF one")

    with pytest.raises(InvoiceError, match="differs"):
        store.invoices.attach_pdf(number, b"%PDF two")
    with pytest.raises(NotFound):
        store.invoices.attach_pdf("2026-0404", b"")
    assert store.invoices.pdf(number) == b"%PDF one"


def test_no_tool_can_change_an_issued_invoice_unnoticed(store, path):
    store.invoices.issue(a_draft(), ISSUED_AT)
    other = driver.connect(str(path), isolation_level=None)
    for statement in ("UPDATE invoices SET total_units = 1", "DELETE FROM invoices"):
        with pytest.raises(driver.DatabaseError, match="never changes"):
            other.execute(statement)
    other.execute("DROP TRIGGER invoices_no_update")
    other.execute("UPDATE invoices SET content = replace(content, '44000', '44001')")
    other.close()

    with pytest.raises(InvoiceError, match="hash"):
        store.invoices.issued()


def test_versions_that_an_invoice_stands_on_never_change(store):
    store.configuration.replace(a_configuration())
    store.invoices.issue(a_draft(), ISSUED_AT)
    changes = (
        {"tariffs": (a_tariff(price="0.3100"),)},
        {"tariffs": ()},
        {"contracts": (replace(a_contract(), valid_from=date(2026, 2, 1)),)},
        {"contracts": ()},
    )

    for change in changes:
        with pytest.raises(StoreError, match="invoice 2026-0001 stands on it"):
            store.configuration.replace(a_configuration(**change))

    newer = a_configuration(tariffs=(a_tariff(), a_tariff(version=2, price="0.3100")))
    store.configuration.replace(newer)
    assert store.configuration.load() == newer


def test_alarms_are_inserted_updated_and_listed(store):
    rule = AlarmRule("r", "High", "m", "voltage_v", Condition.NO_DATA, 30.0, response="Look.")
    raised = Alarm(0, rule, "m", "Lights", AlarmState.ACTIVE_UNACKNOWLEDGED, T0, float("nan"))

    saved = store.alarms.save(raised)
    other = store.alarms.save(replace(raised, raised_at_ms=T0 + 5, value=253.5))

    assert (saved.alarm_id, other.alarm_id) == (1, 2)
    done = replace(other, state=AlarmState.NORMAL, returned_at_ms=T0 + 9, acknowledged_by="Eve")
    store.alarms.save(done)
    assert [a.alarm_id for a in store.alarms.open_alarms()] == [1]
    assert store.alarms.journal(T0 + 5, T0 + 6) == (done,)
    assert store.alarms.journal(T0 + 9, T0 + 10) == (done,)


def test_only_judged_findings_are_states(store):
    finding = Finding(
        "compressor-creep", "c", "Compressor", FindingKind.CREEP, T0, None, T0 + 5, 4.2, 1_000,
        2_500, "It draws more.", ("filter", "leak"),
    )  # fmt: skip
    judged = replace(
        finding, state=FindingState.REPAIRED, state_by="Eve", state_at_ms=T0 + 9, note="changed"
    )

    store.findings.save(finding)
    assert store.findings.states() == {}
    store.findings.save(judged)
    assert store.findings.states() == {"compressor-creep": judged}


def test_a_read_only_store_reads_and_refuses_to_write(store, path):
    store.configuration.replace(full())

    with open_store(path, read_only=True) as reader:
        assert reader.configuration.load() == full()
        with pytest.raises(StoreError, match="reading only"):
            reader.configuration.save_setting("a", "b")
