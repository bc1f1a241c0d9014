"""The live page draws what the rings have, holds still when paused, and never joins a gap."""

import numpy as np
import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QApplication

from energy_desktop.domain.clock import to_ms
from energy_desktop.domain.configuration import Configuration
from energy_desktop.domain.energy import Series
from energy_desktop.domain.site import Link, LinkKind, Meter, Role, Site
from energy_desktop.domain.snapshot import Layout, LinkState, MeterStatus, Snapshot
from energy_desktop.services.live import LiveService
from energy_desktop.services.rings import LiveRings
from energy_desktop.ui.views.live.page import MOST_CURVES, LiveView
from tests.gui.fakes import NOW

NOW_MS = to_ms(NOW)
LAYOUT = Layout("t", ("power_w", "voltage_l1_v"))


class NoHistory:
    def raw(self, meter_id, quantity, start_ms, end_ms):
        at = np.arange(start_ms, end_ms, 1000, dtype=np.int64)
        return Series(meter_id, quantity, at, np.full(at.size, 900.0))


class Site8:
    """Eight meters read for the last 100 s, with a gap of 20 s; `lost` fell silent 15 min ago."""

    def __init__(self, lost: str = "") -> None:
        self.tried: list[str] = []
        meters = tuple(
            Meter(f"m{i}", f"Meter {i}", "d", "k", role=Role.GRID if i == 0 else Role.LOAD)
            for i in range(8)
        )
        self.configuration = Configuration(
            site=Site("Works", "UTC"), links=(Link("k", LinkKind.MODBUS_TCP, "h"),), meters=meters
        )
        self.rings = LiveRings(8)
        for meter in meters:
            back = 932_000 if meter.meter_id == lost else 0
            for age in range(100, -1, -1):
                if not 40 < age < 60:
                    self.put(meter.meter_id, NOW_MS - back - age * 1000, 1000.0 + age)
        state = {True: LinkState.LOST, False: LinkState.GOOD}
        self.statuses = {
            m.meter_id: MeterStatus(
                m.meter_id,
                state[m.meter_id == lost],
                lost_since_ms=NOW_MS - 932_000 if m.meter_id == lost else None,
                last_error="no answer in 3 tries of 1.0 s." if m.meter_id == lost else "",
            )
            for m in meters
        }
        self.service = LiveService(
            lambda: self.configuration,
            self.rings,
            NoHistory(),
            lambda: self.statuses,
            self.tried.append,
            lambda: NOW,
        )

    def put(self, meter_id: str, at_ms: int, power_w: float) -> None:
        self.rings.put(Snapshot(meter_id, at_ms, LAYOUT, (power_w, 231.0)))


def a_view(qtbot, context, site: Site8) -> LiveView:
    view = LiveView(context, site.service)
    qtbot.addWidget(view)
    view.resize(1166, 595)
    view.shown()
    qtbot.waitUntil(lambda: not context.jobs.running())
    return view


@pytest.fixture
def site() -> Site8:
    return Site8()


def test_a_seventh_curve_is_refused_and_said_so(qtbot, context, site):
    view = a_view(qtbot, context, site)
    for number in range(8):
        if f"m{number}" not in view.drawn:
            view.toggle_meter(f"m{number}")
    assert len(view.drawn) == MOST_CURVES
    assert "untick one first" in view.answer


def test_every_meter_that_can_be_ticked_has_a_box_and_names_stand_below_each_other(
    qtbot, context, site
):
    view = a_view(qtbot, context, site)

    model = view.meters.table.rows_model
    cells = [model.cell(i, 0) for i, row in enumerate(model.rows) if not row.is_space]

    assert {bool(cell.swatch) for cell in cells} == {True, False}
    assert all(bool(cell.swatch) != cell.box for cell in cells)


def test_power_has_no_column_of_limits_and_names_have_the_room_that_there_is(qtbot, context, site):
    view = a_view(qtbot, context, site)

    titles = [c.title for c in view.table.rows_model.columns]
    assert view.table.isColumnHidden(titles.index("Limits"))
    view.show()
    wide = view.meters.width()
    view.resize(1000, 595)

    assert wide > view.meters.width()


def test_a_gap_is_drawn_as_a_gap(qtbot, context, site):
    view = a_view(qtbot, context, site)
    view.set_window(60)
    line = view.chart.data.lines[0]
    assert np.isnan(line.y).sum() == 1
    assert view.table.rows_model.rows[0].quality == "1 gap"


def test_the_part_before_the_rings_comes_from_the_store(qtbot, context, site):
    view = a_view(qtbot, context, site)
    line = view.chart.data.lines[0]
    assert view.window_s == 900
    assert line.x[0] <= NOW_MS / 1000 - 895
    assert np.all(np.diff(line.x) >= 0)


def test_a_paused_picture_holds_still_and_counts_what_is_new(qtbot, context, site):
    view = a_view(qtbot, context, site)
    qtbot.keyClick(view, Qt.Key.Key_Space)
    before = view.chart.data.lines[0].x.size
    for _ in range(214):
        site.put("m0", NOW_MS, 5.0)
    view.refresh()
    assert view.paused and view.chart.data.lines[0].x.size == before
    assert view._pause_chip.accessibleName() == "paused, 214 new"
    qtbot.keyClick(view, Qt.Key.Key_Space)
    assert not view.paused and view.chart.data.lines[0].x.size > before


def test_plus_and_minus_change_the_window(qtbot, context, site):
    view = a_view(qtbot, context, site)
    qtbot.keyClick(view, Qt.Key.Key_Plus)
    assert view.window_s == 300
    qtbot.keyClick(view, Qt.Key.Key_Minus)
    qtbot.keyClick(view, Qt.Key.Key_Minus)
    assert view.window_s == 3600


def test_c_copies_the_rows_under_the_chart(qtbot, context, site):
    view = a_view(qtbot, context, site)
    qtbot.keyClick(view, Qt.Key.Key_C)
    text = QApplication.clipboard().text()
    assert text.startswith("Active power, kW") and "Meter 0" in text


def test_a_lost_meter_is_hatched_explained_and_can_be_tried(qtbot, context):
    site = Site8(lost="m1")
    view = a_view(qtbot, context, site)
    assert "1 meter lost" in view.answer
    assert any(r.kind == "gap" for r in view.chart.data.regions)
    row = next(r for r in view.table.rows_model.rows if r.meter_id == "m1")
    assert row.quality.startswith("lost 15 min 32 s") and np.isnan(row.now)
    assert view.silent.isVisibleTo(view)
    assert "No answer in 3 tries" in view.silent.notice.accessibleName()
    view.try_now("m1")
    qtbot.waitUntil(lambda: site.tried == ["m1"])


def test_voltage_shows_its_limits_as_a_band(qtbot, context, site):
    view = a_view(qtbot, context, site)
    view.kinds._choose("voltage")
    row = view.table.rows_model.rows[0]
    assert row.limits == pytest.approx((207.0, 253.0))
    assert view.table.limit_cell(row).band is not None


def test_the_filter_keeps_the_meters_that_match(qtbot, context, site):
    view = a_view(qtbot, context, site)
    view.meters.filter.setText("meter 7")
    names = [r.name for r in view.meters.table.rows_model.rows]
    assert names == ["Works", "Meter 7"]


def test_the_subject_chosen_elsewhere_is_drawn(qtbot, context, site):
    context.navigation.choose(meter_id="m6")
    view = a_view(qtbot, context, site)
    assert view.drawn == ("m6",)
