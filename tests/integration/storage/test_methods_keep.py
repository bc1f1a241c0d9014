"""Whatever method corrects a span: what was measured stays, the total is what was asked for, each
value carries its mark, nothing beside the span or of another register moves, and undoing gives
everything back, the register's own boundaries too."""

from datetime import date
from decimal import Decimal

import numpy as np
import pytest

from energy_desktop.domain.editing import EditMethod, EditParameters, Shape
from energy_desktop.domain.energy import DAY_MS, IntervalQuality
from energy_desktop.services.editing import EditingService
from tests.support.store_builders import HOUR_MS, T0, a_configuration

MINUTE, QUARTER = 60_000, 900_000
IMPORT, EXPORT = "energy_import_wh", "energy_export_wh"
WEEKS = 5
END = T0 + WEEKS * 7 * DAY_MS
DAY = END - 2 * DAY_MS
SILENT = (DAY + 9 * HOUR_MS, DAY + 13 * HOUR_MS + 7 * MINUTE)
SPANS = {
    "measured": (DAY + 14 * HOUR_MS, DAY + 18 * HOUR_MS),
    "silent": (DAY + 9 * HOUR_MS, DAY + 13 * HOUR_MS + 15 * MINUTE),
    "both": (DAY + 7 * HOUR_MS, DAY + 16 * HOUR_MS),
    "a day": (DAY, DAY + DAY_MS),
}
# Method, what it is given, what it must sum to (None: the register's), and the mark it leaves.
EDITED, ESTIMATED = IntervalQuality.EDITED, IntervalQuality.ESTIMATED
LIKE = date(2027, 2, 11)
METHODS = {
    "set": (EditMethod.SET, {"value_wh": 123}, lambda n, was: 123 * n, EDITED),
    "scale": (
        EditMethod.SCALE,
        {"factor": Decimal("0.37")},
        lambda n, was: round(Decimal(was) * Decimal("0.37")),
        EDITED,
    ),
    "spread a known total": (
        EditMethod.SPREAD, {"total_wh": 98_765}, lambda n, was: 98_765, EDITED,
    ),
    "spread along weekdays": (
        EditMethod.SPREAD,
        {"total_wh": 98_765, "shape": Shape.LIKE_DAYS},
        lambda n, was: 98_765,
        EDITED,
    ),
    "spread as on a day": (
        EditMethod.SPREAD,
        {"total_wh": 98_765, "shape": Shape.DAY, "source_day": LIKE},
        lambda n, was: 98_765,
        EDITED,
    ),
    "spread the register's": (EditMethod.SPREAD, {}, None, EDITED),
    "copy a like day": (EditMethod.COPY_DAY, {"source_day": LIKE}, None, EDITED),
    "copy a like day to a total": (
        EditMethod.COPY_DAY,
        {"source_day": LIKE, "total_wh": 50_000},
        lambda n, was: 50_000,
        EDITED,
    ),
    "line": (EditMethod.LINE, {}, None, ESTIMATED),
    "like days": (EditMethod.LIKE_DAYS, {}, None, ESTIMATED),
    "register": (EditMethod.REGISTER, {"shape": Shape.LIKE_DAYS}, None, ESTIMATED),
}  # fmt: skip


@pytest.fixture
def desk(store, clock):
    """Five weeks in UTC+01:00 read each minute, busier by day, silent once for four hours."""
    store.configuration.replace(a_configuration())
    minutes = np.arange((END - T0) // MINUTE + 1)
    busy = (minutes // 60 % 24 >= 6) & (minutes // 60 % 24 < 17)
    used = np.where(busy, 70, 8) + minutes * 7919 % 11
    times = (T0 + minutes * MINUTE).astype(np.int64)
    heard = (times <= SILENT[0]) | (times >= SILENT[1])
    for register, part in ((IMPORT, used), (EXPORT, used // 3)):
        values = 500_000.0 + np.cumsum(part) - part
        store.bulk.add_sealed("m", register, times[heard], values[heard])
    store.bulk.finish()
    clock.now_ms = END + HOUR_MS
    return EditingService(store.configuration, store.ledger, store.editing, clock, "kim")


def picture(store, register):
    """All that can be known of a register: energies, marks, sums, boundaries."""
    found = store.ledger.intervals("m", T0, END, register=register)
    series = store.editing.three("m", register, T0, END)
    proofs = [
        store.ledger.reconciliation("m", at, at + 6 * HOUR_MS, register=register)
        for at in range(DAY - DAY_MS, END, 6 * HOUR_MS)
    ]
    return (
        found.energy_wh.tolist(), found.quality.tolist(), np.nan_to_num(series.raw_wh).tolist(),
        proofs,
    )  # fmt: skip


@pytest.mark.parametrize("span", SPANS)
def test_every_method_keeps_meets_marks_and_is_undone(desk, store, span):
    start, end = SPANS[span]
    before, other = picture(store, IMPORT), picture(store, EXPORT)
    inside = slice((start - T0) // QUARTER, (end - T0) // QUARTER)

    for name, (method, told, total, mark) in METHODS.items():
        preview = desk.preview("m", IMPORT, start, end, method, EditParameters(**told))
        assert picture(store, IMPORT) == before, name  # a preview changes nothing
        made = desk.apply(preview, "by the rules")
        energies, quality, raw, proofs = picture(store, IMPORT)

        was = round(sum(before[0][inside]))
        wanted = preview.register_wh if total is None else total(len(preview.start_ms), was)
        assert sum(energies[inside]) == made.after_wh == wanted, name
        assert set(quality[inside]) == {mark}, name
        assert min(energies[inside]) >= 0, name
        assert raw == before[2], name  # what was measured is still there
        for got, had in ((energies, before[0]), (quality, before[1])):
            assert got[: inside.start] == had[: inside.start], name
            assert got[inside.stop :] == had[inside.stop :], name
        assert picture(store, EXPORT) == other, name
        if total is None:  # the register is met: no quarter of a day is accused
            assert {p.unexplained_wh for p in proofs} == {0}, name
            whole = store.ledger.reconciliation("m", DAY, DAY + DAY_MS, register=IMPORT)
            assert whole.discrepancy_wh == 0, name
        versions = desk.versions("m", start, start + QUARTER)
        assert [v.edit_id for v in versions if v.replaced_at_ms is None] == [made.edit_id], name

        desk.undo(made.edit_id, "another way")
        assert picture(store, IMPORT) == before, name
