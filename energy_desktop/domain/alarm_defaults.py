"""The rules a new site begins with: each with its response, because an alarm without is noise.

Limits follow EN 50160 where it has them (voltage ±10 %, frequency ±1 %); the warning at 6 % and
the deadbands (voltage 0.75 % of nominal, frequency 0.02 Hz, power factor 0.01) are starting
values for the site to move.
"""

from collections.abc import Iterable

from energy_desktop.domain.alarm import AlarmRule, Condition, Priority
from energy_desktop.domain.site import Meter, Role, Site

PHASE_VOLTAGES = "voltage_v|voltage_l?_v"
"""A rule's quantity may be a shell pattern, several of them parted by `|`: any phase counts."""

WARNING_SHARE = 0.06
CRITICAL_SHARE = 0.10
SWING_SHARE = 0.05


def default_rules(site: Site, meters: Iterable[Meter] = ()) -> tuple[AlarmRule, ...]:
    """Starting rules. Power factor and demand are judged at the grid meters when there are any."""
    grid = [meter.meter_id for meter in meters if meter.role is Role.GRID]
    return (
        *_voltage(site.nominal_voltage_v),
        *_frequency(site.nominal_frequency_hz),
        *(_power_factor(meter_id) for meter_id in grid or ["*"]),
        *(
            _demand(meter_id, site.contract_demand_w)
            for meter_id in grid
            if site.contract_demand_w is not None
        ),
        *_silence(),
    )


def _voltage(nominal_v: float) -> tuple[AlarmRule, ...]:
    deadband = 0.0075 * nominal_v

    def limit(
        name: str, condition: Condition, share: float, priority: Priority, response: str
    ) -> AlarmRule:
        critical = priority is Priority.HIGH
        return AlarmRule(
            rule_id=f"voltage-{condition.value}-{'critical' if critical else 'warning'}",
            name=name,
            meter_id="*",
            quantity=PHASE_VOLTAGES,
            condition=condition,
            limit=round(nominal_v * (1.0 + share), 1),
            deadband=round(deadband, 2),
            on_delay_s=3.0,
            off_delay_s=10.0,
            priority=priority,
            response=response,
            consequence="Outside the band of EN 50160: equipment may trip or be damaged."
            if critical
            else "Near the edge of the band of EN 50160.",
        )

    return (
        limit(
            "Voltage critically high",
            Condition.HIGH,
            CRITICAL_SHARE,
            Priority.HIGH,
            "Switch sensitive equipment off, check the neutral, then call the grid operator.",
        ),
        limit(
            "Voltage high",
            Condition.HIGH,
            WARNING_SHARE,
            Priority.LOW,
            "Look at all phases: one high and others low points to the neutral. Reduce feed-in.",
        ),
        limit(
            "Voltage critically low",
            Condition.LOW,
            -CRITICAL_SHARE,
            Priority.HIGH,
            "Switch motors off before they overheat, check fuses, then call the grid operator.",
        ),
        limit(
            "Voltage low",
            Condition.LOW,
            -WARNING_SHARE,
            Priority.LOW,
            "Look for a large load that was just switched on, and for a loose terminal.",
        ),
        AlarmRule(
            rule_id="voltage-fluctuating",
            name="Voltage fluctuates",
            meter_id="*",
            quantity=PHASE_VOLTAGES,
            condition=Condition.FLUCTUATING,
            limit=round(SWING_SHARE * nominal_v, 1),
            off_delay_s=60.0,
            priority=Priority.MEDIUM,
            response="Look for a load that switches in the same rhythm, and for a loose terminal.",
            consequence="Lights flicker, drives trip, a loose terminal burns.",
        ),
    )


def _frequency(nominal_hz: float) -> tuple[AlarmRule, ...]:
    return tuple(
        AlarmRule(
            rule_id=f"frequency-{condition.value}",
            name=f"Frequency {condition.value}",
            meter_id="*",
            quantity="frequency_hz",
            condition=condition,
            limit=round(nominal_hz * share, 2),
            deadband=0.02,
            on_delay_s=10.0,
            off_delay_s=30.0,
            priority=Priority.MEDIUM,
            response="Nothing to mend on site while on the grid; on own generation check it now.",
            consequence="The grid operator may shed load; own generation may disconnect.",
        )
        for condition, share in ((Condition.HIGH, 1.01), (Condition.LOW, 0.99))
    )


def _power_factor(meter_id: str) -> AlarmRule:
    return AlarmRule(
        rule_id="power-factor-low" if meter_id == "*" else f"power-factor-low-{meter_id}",
        name="Power factor low",
        meter_id=meter_id,
        quantity="power_factor",
        condition=Condition.LOW,
        limit=0.90,
        deadband=0.01,
        on_delay_s=900.0,
        off_delay_s=300.0,
        priority=Priority.LOW,
        response="Check the steps of the compensation; find the motors that idle.",
        consequence="Reactive energy is charged, and cables carry more current than they need.",
    )


def _demand(meter_id: str, contract_w: float) -> AlarmRule:
    return AlarmRule(
        rule_id=f"demand-near-contract-{meter_id}",
        name="Demand near the contract",
        meter_id=meter_id,
        quantity="power_w",
        condition=Condition.HIGH,
        limit=round(0.95 * contract_w),
        deadband=round(0.03 * contract_w),
        on_delay_s=180.0,
        off_delay_s=300.0,
        priority=Priority.MEDIUM,
        response="Shed the first loads of the list until the quarter hour is over.",
        consequence="A new peak is billed for the month.",
    )


def _silence() -> tuple[AlarmRule, ...]:
    return (
        AlarmRule(
            rule_id="no-data",
            name="Meter lost",
            meter_id="*",
            quantity="*",
            condition=Condition.NO_DATA,
            limit=60.0,
            priority=Priority.MEDIUM,
            response="Look at its neighbours: all silent is the link, one alone is the meter.",
            consequence="Its energy is known only when it answers again, its shape never.",
        ),
        AlarmRule(
            rule_id="frozen",
            name="Values frozen",
            meter_id="*",
            quantity="*",
            condition=Condition.FROZEN,
            limit=900.0,
            priority=Priority.LOW,
            response="Read the meter's own display; restart the gateway when it lives on.",
            consequence="What is shown is old, and limits on it guard nothing.",
        ),
        AlarmRule(
            rule_id="counter-frozen",
            name="Counter frozen",
            meter_id="*",
            quantity="energy_import_wh",
            condition=Condition.FROZEN,
            limit=3600.0,
            priority=Priority.LOW,
            response="Compare with the meter's display; check the register of the driver.",
            consequence="Bills and baselines miss the energy until it is mended.",
        ),
    )
