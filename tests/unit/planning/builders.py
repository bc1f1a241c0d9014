"""Batteries, slots and random requests for the planning tests."""

from hypothesis import strategies as st

from energy_desktop.domain.device import Battery
from energy_desktop.domain.plan import PlanRequest, PlanSlot

MINUTE_MS = 60_000


def a_battery(**changes) -> Battery:
    values = {
        "battery_id": "b1",
        "name": "Cellar",
        "meter_id": "m1",
        "capacity_wh": 10_000.0,
        "charge_w": 5_000.0,
        "discharge_w": 5_000.0,
        "charge_efficiency": 0.95,
        "discharge_efficiency": 0.95,
        "soc_min_pct": 10.0,
        "soc_max_pct": 90.0,
    }
    return Battery(**{**values, **changes})


def slots_of(imports, exports=None, *, load_w=0.0, pv_w=0.0, minutes=60) -> tuple[PlanSlot, ...]:
    """Slots from prices per kWh; load_w, pv_w and minutes: one value, or one a slot."""
    count = len(imports)

    def each(value):
        return list(value) if isinstance(value, (list, tuple)) else [value] * count

    exports = imports if exports is None else each(exports)
    built, start = [], 0
    for k, length in enumerate(each(minutes)):
        end = start + length * MINUTE_MS
        built.append(PlanSlot(start, end, each(load_w)[k], each(pv_w)[k], imports[k], exports[k]))
        start = end
    return tuple(built)


def a_request(slots, *, soc_start_pct=50.0, **changes) -> PlanRequest:
    battery = changes.pop("battery", None) or a_battery()
    return PlanRequest(battery=battery, slots=tuple(slots), soc_start_pct=soc_start_pct, **changes)


def _price():
    return st.integers(-20, 60).map(lambda cents: cents / 100)


@st.composite
def requests(draw, least=1, most=10):
    """Requests with negative and crossed prices, mixed steps, solar surplus and demand charges."""
    count = draw(st.integers(least, most))
    slots = slots_of(
        [draw(_price()) for _ in range(count)],
        [draw(_price()) for _ in range(count)],
        load_w=[draw(st.integers(0, 8)) * 500.0 for _ in range(count)],
        pv_w=[draw(st.integers(0, 8)) * 500.0 for _ in range(count)],
        minutes=[draw(st.sampled_from([15, 30, 60])) for _ in range(count)],
    )
    battery = a_battery(
        charge_w=draw(st.sampled_from([1_000.0, 3_000.0, 5_000.0])),
        discharge_w=draw(st.sampled_from([1_000.0, 3_000.0, 5_000.0])),
        charge_efficiency=draw(st.sampled_from([0.8, 0.95, 1.0])),
        discharge_efficiency=draw(st.sampled_from([0.8, 0.95, 1.0])),
        wear_per_kwh=draw(st.sampled_from([0.0, 0.03, 0.1])),
        demand_charge_per_kw=draw(st.sampled_from([0.0, 2.0])),
    )
    start = draw(st.integers(10, 90))
    with_quantile = draw(st.booleans())
    return PlanRequest(
        battery=battery,
        slots=slots,
        soc_start_pct=float(start),
        soc_end_min_pct=draw(st.sampled_from([None, 10.0, float(start)])),
        peak_so_far_w=draw(st.sampled_from([0.0, 2_000.0])),
        peak_load_w=tuple(slot.load_w + 700.0 for slot in slots) if with_quantile else (),
    )
