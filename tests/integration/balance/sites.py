"""A works with a roof, a battery and meters behind meters, on a real store."""

import numpy as np

from energy_desktop.domain.configuration import Configuration
from energy_desktop.domain.energy import Intervals
from energy_desktop.domain.site import Meter, Role, Site

MONDAY = 1_772_406_000_000  # 2026-03-02 00:00 in Berlin
QUARTER = 900_000
DAY = 86_400_000
IMPORT, EXPORT = "energy_import_wh", "energy_export_wh"

METERS = (
    Meter("main", "Main", role=Role.GRID),
    Meter("pv", "Roof", role=Role.SOLAR, parent_id="main"),
    Meter("battery", "Battery", role=Role.BATTERY, parent_id="main"),
    Meter("hall", "Hall", parent_id="main"),
    Meter("office", "Office", parent_id="main"),
    Meter("press", "Press", parent_id="hall"),
)


def a_works(zone="Europe/Berlin", meters=METERS) -> Configuration:
    return Configuration(site=Site("Works", zone), meters=meters)


def courses(days=14, unmetered_wh=0.0, seed=1):
    """Wh per quarter hour of each meter and direction; the balance closes but for unmetered_wh."""
    rng = np.random.default_rng(seed)
    n = 96 * days
    quarter = np.arange(n) % 96
    press = np.rint(400 + 900 * ((quarter > 28) & (quarter < 72)) * rng.uniform(0.8, 1.2, n))
    hall = press + np.rint(200 * rng.uniform(0.9, 1.1, n))
    office = np.rint(100 + 500 * np.exp(-(((quarter - 50) / 14.0) ** 2)) * rng.uniform(0.9, 1.1, n))
    roof = np.rint(2_400 * np.maximum(np.sin((quarter - 24) / 48 * np.pi), 0) * (quarter < 72))
    charge = np.where((quarter >= 44) & (quarter < 52), 300.0, 0.0)
    discharge = np.where((quarter >= 76) & (quarter < 84), 270.0, 0.0)
    net = hall + office + unmetered_wh + charge - discharge - roof
    return {
        ("main", IMPORT): np.maximum(net, 0.0),
        ("main", EXPORT): np.maximum(-net, 0.0),
        ("pv", IMPORT): roof,
        ("battery", IMPORT): discharge,
        ("battery", EXPORT): charge,
        ("hall", IMPORT): hall,
        ("office", IMPORT): office,
        ("press", IMPORT): press,
    }


def book(ledger, energies, start_ms=MONDAY, quality=None):
    for (meter, register), energy in energies.items():
        starts = start_ms + np.arange(len(energy), dtype=np.int64) * QUARTER
        marks = np.zeros(len(energy), np.int8) if quality is None else quality
        ledger.add_intervals(Intervals(meter, register, 900, starts, np.asarray(energy), marks))
