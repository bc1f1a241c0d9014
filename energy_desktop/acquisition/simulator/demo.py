"""The demo site as a value: an office and light-industry building near Berlin.

Names, people and addresses are invented. Every meter has another driver where that makes sense,
so that the demo exercises the twelve shipped files.
"""

from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np

from energy_desktop.acquisition.simulator.control import (
    CONTROL_UNIT,
    SWITCH_REGISTERS,
)
from energy_desktop.acquisition.simulator.moments import moments
from energy_desktop.acquisition.simulator.noise import normal, smooth
from energy_desktop.acquisition.simulator.site import VirtualSite, load_state, save_state
from energy_desktop.domain.alarm import AlarmRule, Condition, Priority
from energy_desktop.domain.clock import from_ms
from energy_desktop.domain.configuration import Configuration
from energy_desktop.domain.contract import (
    Client,
    ContractVersion,
    PriceSlot,
    TariffVersion,
    WeeklyHours,
)
from energy_desktop.domain.device import Battery, Device, DeviceKind
from energy_desktop.domain.energy import QUARTER_HOUR_MS
from energy_desktop.domain.site import Link, LinkKind, Meter, Role, Site, Space, SpaceKind

ZONE = "Europe/Berlin"
SEED = 24
"""With it the leak is found about three weeks before the first start, whatever the weekday."""
LINK_ID = "sim"

NOMINAL_V = 230.0
_WORKWEEK = ((480, 1200),)
OFFICE_HOURS = WeeklyHours((*(_WORKWEEK,) * 5, (), ()), on_holidays=False)
PRINT_HOURS = WeeklyHours((*(_WORKWEEK,) * 5, ((480, 840),), ()), on_holidays=False)

FEES_PER_KWH = 0.1450
"""Grid fee, levies and margin on top of the market price; export gets 0.4 ct less than it."""


def demo_configuration(host: str, port: int, *, installed: date) -> Configuration:
    """The whole demo site. installed: the day of its first start; dates are set around it."""
    return Configuration(
        site=Site(
            name="Werkhof Lindenallee",
            zone=ZONE,
            currency="EUR",
            country="DE",
            contract_demand_w=90_000.0,
            operator="Werkhof Lindenallee Verwaltung GmbH",
            operator_address=("Lindenallee 12", "12345 Berlin"),
            tax_id="DE000000000",
            bank_iban="DE02 1203 0000 0000 2020 51",
            price_import_per_kwh=Decimal("0.2480"),
            price_export_per_kwh=Decimal("0.0760"),
        ),
        spaces=_spaces(),
        links=(Link(LINK_ID, LinkKind.MODBUS_TCP, host=host, port=port),),
        meters=_meters(),
        clients=_clients(),
        tariffs=_tariffs(installed),
        contracts=_contracts(installed),
        devices=_devices(),
        batteries=(
            Battery(
                battery_id="battery",
                name="Battery",
                meter_id="battery",
                capacity_wh=60_000.0,
                charge_w=30_000.0,
                discharge_w=30_000.0,
                charge_efficiency=0.95,
                discharge_efficiency=0.95,
                soc_min_pct=10.0,
                soc_max_pct=95.0,
                wear_per_kwh=0.03,
                demand_charge_per_kw=6.5,
            ),
        ),
        alarm_rules=_alarm_rules(),
    )


def open_demo_site(
    state_file: Path | None, host: str, port: int, now_ms: int, *, seed: int = SEED
) -> VirtualSite:
    """The demo site with its configuration, going on from `state_file` if there is one.

    The first call fixes the day of installation and writes the file; later calls keep it. Without
    a file (None) the site is set up today. Raises WrongUse for a damaged file.
    """
    state = None if state_file is None else load_state(state_file)
    anchor_ms = now_ms if state is None else int(state["anchor_ms"])
    seed = seed if state is None else int(state["seed"])
    zone = ZoneInfo(ZONE)
    installed = from_ms(anchor_ms).astimezone(zone).date()
    configuration = demo_configuration(host, port, installed=installed)
    site = VirtualSite(seed, configuration, zone, anchor_ms=anchor_ms)
    if state is not None:
        site.restore(state)
    elif state_file is not None:
        save_state(site, state_file)
    return site


def demo_prices(
    start_ms: int, end_ms: int, zone: ZoneInfo | None = None, *, seed: int = SEED
) -> tuple[PriceSlot, ...]:
    """Quarter-hourly day-ahead prices in EUR/kWh for [start_ms, end_ms), whole slots only.
    zone: whose clock the shape of the day follows; the demo site's when left out.

    Shaped like the German market: peaks in the morning and the evening, a belly at noon that
    deepens with the sun and on weekends, now and then below zero. The same weather as the roof's.
    """
    first = -(-start_ms // QUARTER_HOUR_MS)
    quarter = np.arange(first, end_ms // QUARTER_HOUR_MS, dtype=np.int64)
    if quarter.size == 0:
        return ()
    at = moments(quarter * 15 + 7, zone or ZoneInfo(ZONE), "DE", seed)
    hour = at.clock / 60.0
    shape = np.interp(
        hour,
        [0, 3, 5.5, 7.5, 9.5, 12.5, 15.5, 17.5, 19, 21, 24],
        [0.074, 0.066, 0.078, 0.118, 0.098, 0.082, 0.088, 0.121, 0.134, 0.102, 0.076],
    )
    resting = ~at.workday
    shape = np.where(resting, 0.62 * shape + 0.008, shape)
    sun = at.sun * np.where(resting, 0.135, 0.088)
    wind = 0.020 * smooth(seed, "wind", quarter / 150.0) + 0.010 * normal(seed, "day", at.day)
    cold = 0.0012 * np.clip(8.0 - at.temperature_c, 0.0, None)
    unrest = 0.004 * smooth(seed, "price hour", quarter / 4.0) + 0.0015 * normal(
        seed, "price", quarter
    )
    market = np.round(np.clip(shape - sun + wind + cold + unrest, -0.09, 0.45), 5)
    bought = np.round(market + FEES_PER_KWH, 5)
    sold = np.round(market - 0.004, 5)
    return tuple(
        PriceSlot(start, start + QUARTER_HOUR_MS, dear, gain)
        for start, dear, gain in zip(
            (quarter * QUARTER_HOUR_MS).tolist(), bought.tolist(), sold.tolist(), strict=True
        )
    )


def _spaces() -> tuple[Space, ...]:
    return (
        Space("building", "Lindenallee 12", SpaceKind.BUILDING, area_m2=3_240.0),
        Space("floor-0", "Ground floor", SpaceKind.FLOOR, "building", 1_180.0),
        Space("floor-1", "First floor", SpaceKind.FLOOR, "building", 1_030.0),
        Space("floor-2", "Second floor", SpaceKind.FLOOR, "building", 1_030.0),
        Space("zone-print-hall", "Print hall", SpaceKind.ZONE, "floor-0", 620.0),
        Space("zone-finishing", "Finishing", SpaceKind.ZONE, "floor-0", 310.0),
        Space("zone-1-east", "First floor east", SpaceKind.ZONE, "floor-1", 410.0),
        Space("zone-1-west", "First floor west", SpaceKind.ZONE, "floor-1", 390.0),
        Space("zone-2-east", "Second floor east", SpaceKind.ZONE, "floor-2", 400.0),
        Space("zone-2-west", "Second floor west", SpaceKind.ZONE, "floor-2", 380.0),
    )


def _clients() -> tuple[Client, ...]:
    return (
        Client(
            "nordlicht-druck",
            "Nordlicht Druck GmbH",
            ("Lindenallee 12", "12345 Berlin"),
            "office@nordlicht-druck.example",
            "DE111111111",
        ),
        Client(
            "brandt-architekten",
            "Brandt Architekten",
            ("Lindenallee 12", "12345 Berlin"),
            "post@brandt-architekten.example",
            "DE222222222",
        ),
        Client(
            "holm-software",
            "Holm Software AG",
            ("Lindenallee 12", "12345 Berlin"),
            "buchhaltung@holm-software.example",
            "DE333333333",
        ),
    )


def _tariffs(installed: date) -> tuple[TariffVersion, ...]:
    begin = _month_before(installed, 7)
    changed = _month_before(installed, 1)
    return (
        _tariff("office", 1, begin, "0.2650", "0.3950", "Energy in and out of contract hours"),
        _tariff("office", 2, changed, "0.2710", "0.4100", "Grid fees rose"),
        _tariff("industry", 1, begin, "0.2380", "0.3480", "Energy in and out of contract hours"),
    )


def _tariff(
    tariff_id: str, version: int, valid_from: date, price: str, dear: str, note: str
) -> TariffVersion:
    return TariffVersion(
        tariff_id,
        version,
        valid_from,
        Decimal(price),
        Decimal(dear),
        currency="EUR",
        tax_pct=Decimal(19),
        note=note,
    )


def _contracts(installed: date) -> tuple[ContractVersion, ...]:
    begin = _month_before(installed, 7)
    return (
        ContractVersion(
            "contract-nordlicht",
            1,
            "nordlicht-druck",
            begin,
            PRINT_HOURS,
            "industry",
            ("zone-print-hall", "zone-finishing"),
        ),
        ContractVersion(
            "contract-brandt",
            1,
            "brandt-architekten",
            begin,
            OFFICE_HOURS,
            "office",
            ("zone-1-east", "zone-1-west"),
        ),
        ContractVersion(
            "contract-holm",
            1,
            "holm-software",
            begin,
            OFFICE_HOURS,
            "office",
            ("zone-2-east", "zone-2-west"),
        ),
    )


def _month_before(day: date, months: int) -> date:
    first = day.replace(day=1)
    for _ in range(months):
        first = (first - timedelta(days=1)).replace(day=1)
    return first


def _meters() -> tuple[Meter, ...]:
    return (
        _meter(1, "grid", "Grid connection", "siemens_pac2200", 110_000, role=Role.GRID, mid=True),
        _meter(2, "pv", "Photovoltaics", "eastron_sdm630", 72_000, role=Role.SOLAR),
        _meter(3, "battery", "Battery", "virtual_battery", 32_000, role=Role.BATTERY),
        _meter(4, "ev-charger", "EV charger", "abb_b23", 22_000, feeds="ev_charger", mid=True),
        _meter(5, "hvac", "Heat pump and ventilation", "schneider_iem3155", 35_000, feeds="hvac"),
        _meter(6, "compressor", "Compressor", "eastron_sdm630", 24_000, feeds="compressor"),
        _meter(
            7, "machines", "Print machines", "janitza_umg96", 44_000, "zone-print-hall", "machines"
        ),
        _light(8, "light-print-hall", "Lights print hall", "inepro_pro380", "zone-print-hall"),
        _light(9, "light-finishing", "Lights finishing", "eastron_sdm72d", "zone-finishing"),
        _light(10, "light-1-east", "Lights first floor east", "eastron_sdm120", "zone-1-east"),
        _light(11, "light-1-west", "Lights first floor west", "eastron_sdm120", "zone-1-west"),
        _light(12, "light-2-east", "Lights second floor east", "eastron_sdm220", "zone-2-east"),
        _light(
            13,
            "light-2-west",
            "Lights second floor west",
            "eastron_sdm220",
            "zone-2-west",
            mid=False,
        ),
        _meter(14, "dishwasher", "Dishwasher", "eastron_sdm120", 3_700, feeds="dishwasher"),
        _meter(
            15, "server-room", "Server room", "carlo_gavazzi_em340", 11_000, feeds="server_room"
        ),
        _meter(16, "sockets", "Office sockets", "schneider_pm5110", 44_000, feeds="sockets"),
        _meter(
            17, "common", "Lift, stairs, car park", "carlo_gavazzi_em24", 11_000, feeds="common"
        ),
    )


def _meter(
    unit: int,
    meter_id: str,
    name: str,
    driver_id: str,
    limit_w: float,
    space_id: str = "building",
    feeds: str = "",
    role: Role = Role.LOAD,
    mid: bool = False,
) -> Meter:
    return Meter(
        meter_id=meter_id,
        name=name,
        driver_id=driver_id,
        link_id=LINK_ID,
        unit_id=unit,
        role=role,
        space_id=space_id,
        parent_id=None if role is Role.GRID else "grid",
        equipment=feeds,
        serial_number=f"SIM-{20_260_000 + unit}",
        mid_approved=mid,
        connection_limit_w=limit_w,
    )


def _light(
    unit: int, meter_id: str, name: str, driver_id: str, zone: str, mid: bool = True
) -> Meter:
    return _meter(unit, meter_id, name, driver_id, 11_000, zone, "lighting", mid=mid)


def _devices() -> tuple[Device, ...]:
    rated = {
        8: ("light-print-hall", "Lights print hall", 3_400.0),
        9: ("light-finishing", "Lights finishing", 1_900.0),
        10: ("light-1-east", "Lights first floor east", 2_300.0),
        11: ("light-1-west", "Lights first floor west", 2_150.0),
        12: ("light-2-east", "Lights second floor east", 2_250.0),
        13: ("light-2-west", "Lights second floor west", 2_050.0),
    }
    lights = tuple(
        _device(unit, meter_id, name, DeviceKind.LIGHTING, watts)
        for unit, (meter_id, name, watts) in rated.items()
    )
    return (
        _device(4, "ev-charger", "EV charger", DeviceKind.EV_CHARGER, 11_000.0, 1, 240),
        _device(14, "dishwasher", "Dishwasher", DeviceKind.APPLIANCE, 2_050.0, 2, 180),
        _device(5, "hvac", "Heat pump and ventilation", DeviceKind.HVAC, 18_000.0, 3, 45),
        *lights,
        Device(
            device_id="battery",
            name="Battery",
            kind=DeviceKind.OTHER,
            meter_id="battery",
            rated_power_w=30_000.0,
            control_register=SWITCH_REGISTERS + 3,
            control_unit_id=CONTROL_UNIT,
        ),
    )


def _device(
    unit: int,
    meter_id: str,
    name: str,
    kind: DeviceKind,
    watts: float,
    shed_order: int | None = None,
    longest_off_min: int = 60,
) -> Device:
    return Device(
        device_id=meter_id,
        name=name,
        kind=kind,
        meter_id=meter_id,
        rated_power_w=watts,
        shed_order=shed_order,
        longest_off_min=longest_off_min,
        control_register=SWITCH_REGISTERS + unit,
        control_unit_id=CONTROL_UNIT,
    )


def _alarm_rules() -> tuple[AlarmRule, ...]:
    """Voltage limits as EN 50160 draws them (10 %), warned of at 6 %; deadbands of 0.5 to 1 %."""
    rules: list[AlarmRule] = []
    for phase in ("l1", "l2", "l3"):
        rules += _voltage_rules(phase)
    return (
        *rules,
        AlarmRule(
            "voltage-fluctuating",
            "Voltage fluctuates",
            "grid",
            "voltage_l1_v",
            Condition.FLUCTUATING,
            limit=12.0,
            deadband=2.0,
            on_delay_s=5.0,
            off_delay_s=60.0,
            priority=Priority.MEDIUM,
            response="Look for a large load that starts again and again; compare with its current.",
            consequence="Lights flicker; electronics switch off.",
        ),
        AlarmRule(
            "power-factor-low",
            "Power factor low",
            "machines",
            "power_factor_l1",
            Condition.LOW,
            limit=0.90,
            deadband=0.01,
            on_delay_s=300.0,
            off_delay_s=300.0,
            priority=Priority.LOW,
            response="Check the capacitor stages of the print hall's compensation; reset its fuse.",
            consequence="The grid operator charges reactive energy; cables warm up.",
        ),
        AlarmRule(
            "frequency-high",
            "Frequency high",
            "grid",
            "frequency_hz",
            Condition.HIGH,
            limit=50.2,
            deadband=0.02,
            on_delay_s=10.0,
            off_delay_s=30.0,
            priority=Priority.MEDIUM,
            response="Expect the inverter to reduce its power; call the grid operator if it lasts.",
            consequence="PV feeds in less.",
        ),
        AlarmRule(
            "frequency-low",
            "Frequency low",
            "grid",
            "frequency_hz",
            Condition.LOW,
            limit=49.8,
            deadband=0.02,
            on_delay_s=10.0,
            off_delay_s=30.0,
            priority=Priority.MEDIUM,
            response="Postpone starting large machines; call the grid operator if it lasts.",
            consequence="The grid may shed load.",
        ),
        AlarmRule(
            "no-data",
            "No data",
            "*",
            "power_w",
            Condition.NO_DATA,
            limit=30.0,
            off_delay_s=5.0,
            priority=Priority.MEDIUM,
            response="Check the meter's supply and its bus cable, then press Try now.",
            consequence="Energy of this time is known, its course is not.",
        ),
        AlarmRule(
            "frozen",
            "Frozen value",
            "*",
            "voltage_l1_v",  # a power may stand still: an idle battery, a roof at night
            Condition.FROZEN,
            limit=600.0,
            priority=Priority.LOW,
            response="Compare with the meter's display; restart its gateway when they differ.",
            consequence="A frozen value hides what really happens.",
        ),
    )


def _voltage_rules(phase: str) -> list[AlarmRule]:
    name, quantity = phase.upper(), f"voltage_{phase}_v"
    rows = (
        ("high-critical", "far too high", Condition.HIGH, 1.10, Priority.HIGH),
        ("high-warning", "high", Condition.HIGH, 1.06, Priority.LOW),
        ("low-warning", "low", Condition.LOW, 0.94, Priority.LOW),
        ("low-critical", "far too low", Condition.LOW, 0.90, Priority.HIGH),
    )
    return [
        AlarmRule(
            f"voltage-{phase}-{level}",
            f"Voltage {name} {words}",
            "grid",
            quantity,
            condition,
            limit=round(NOMINAL_V * factor, 2),
            deadband=round(NOMINAL_V * (0.01 if priority is Priority.HIGH else 0.005), 2),
            on_delay_s=3.0 if priority is Priority.HIGH else 5.0,
            off_delay_s=10.0,
            priority=priority,
            response=_RESPONSES[level],
            consequence=_CONSEQUENCES[level],
        )
        for level, words, condition, factor, priority in rows
    ]


_RESPONSES = {
    "high-critical": "Switch off sensitive equipment; call the grid operator's fault line.",
    "high-warning": "Check whether the PV feeds in; ask the grid operator about the tap setting.",
    "low-warning": "Postpone starting large machines; look for a loose terminal on this phase.",
    "low-critical": "Stop motors before they overheat; call the grid operator's fault line.",
}
_CONSEQUENCES = {
    "high-critical": "Power supplies and lamps fail; the inverter switches itself off.",
    "high-warning": "Lamps age faster; the inverter may reduce its power.",
    "low-warning": "Motors draw more current and run warm.",
    "low-critical": "Motors stall and overheat; contactors drop out.",
}
