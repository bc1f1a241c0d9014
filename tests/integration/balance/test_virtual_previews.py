"""A formula is looked at before it is saved, and what is taken cannot be taken again."""

from datetime import UTC, datetime

import numpy as np
import pytest

from energy_desktop.domain.errors import NotEnoughData, NotFound, WrongUse
from energy_desktop.domain.site import VirtualMeter
from energy_desktop.services.virtual_meters import VirtualLedger, VirtualMeterService
from energy_desktop.storage import open_store
from tests.integration.balance.sites import DAY, IMPORT, MONDAY, a_works, book, courses

REST = VirtualMeter("rest", "The rest", (("main", 1.0), ("hall", -1.0)))


@pytest.fixture
def store(tmp_path):
    with open_store(tmp_path / "site.sqlite") as opened:
        opened.configuration.replace(a_works())
        yield opened


def service_of(store, now_ms=MONDAY + 3 * DAY + 7_000_000, told=None):
    return VirtualMeterService(
        store.configuration,
        VirtualLedger(store.ledger, store.configuration),
        lambda: datetime.fromtimestamp(now_ms / 1000, UTC),
        None if told is None else told.append,
    )


def test_a_preview_is_the_last_whole_day_of_a_formula_that_is_not_saved(store):
    energies = courses()
    book(store.ledger, energies)

    found = service_of(store).preview(REST)

    day = slice(2 * 96, 3 * 96)
    main, hall = energies["main", IMPORT][day], energies["hall", IMPORT][day]
    assert (found.start_ms, found.end_ms) == (MONDAY + 2 * DAY, MONDAY + 3 * DAY)
    assert found.energy_wh == pytest.approx((main - hall).sum())
    assert [t.energy_wh for t in found.terms] == pytest.approx([main.sum(), hall.sum()])
    assert found.negative == np.count_nonzero(main < hall) > 0
    assert found.missing == 0
    assert store.configuration.load().virtual_meters == ()


def test_a_preview_of_a_day_with_a_hole_is_not_a_sum(store):
    energies = courses()
    energies["hall", IMPORT][2 * 96 + 5] = np.nan
    book(store.ledger, energies)

    found = service_of(store).preview(REST)

    assert found.energy_wh is None
    assert found.missing == 1
    assert found.terms[1].energy_wh is None


def test_a_meter_that_never_counted_has_no_preview(store):
    book(store.ledger, {k: v for k, v in courses().items() if k[0] == "main"})

    with pytest.raises(NotEnoughData, match="Hall"):
        service_of(store).preview(REST)


def test_an_id_and_a_name_are_given_once(store):
    told = []
    service = service_of(store, told=told)
    service.save(REST, new=True)

    with pytest.raises(WrongUse, match="with this id already"):
        service.save(REST, new=True)
    with pytest.raises(WrongUse, match="called the REST already"):
        service.save(VirtualMeter("other", "the REST", REST.terms), new=True)
    with pytest.raises(WrongUse, match="twice"):
        service.save(VirtualMeter("two", "Two", (("main", 1.0), ("main", 1.0))))
    service.save(VirtualMeter("rest", "What is left", (("main", 2.0),)))

    assert [v.name for v in service.listing()] == ["What is left"]
    assert len(told) == 2


def test_what_was_removed_can_be_put_back(store):
    service = service_of(store)
    service.save(REST, new=True)

    removed = service.remove("rest")
    assert service.listing() == ()
    service.save(removed, new=True)

    assert service.listing() == (REST,)
    with pytest.raises(NotFound):
        service.remove("nobody")
