"""A virtual site that answers as real meters on real wires."""

from energy_desktop.acquisition.simulator.demo import (
    SEED,
    demo_configuration,
    demo_prices,
    open_demo_site,
)
from energy_desktop.acquisition.simulator.history import HistoryBlock, history
from energy_desktop.acquisition.simulator.server import SimulatorServer
from energy_desktop.acquisition.simulator.site import (
    SCENARIOS,
    VirtualSite,
    load_state,
    save_state,
)
from energy_desktop.acquisition.simulator.supply import VOLTAGE_MODES

__all__ = [
    "SCENARIOS",
    "SEED",
    "VOLTAGE_MODES",
    "HistoryBlock",
    "SimulatorServer",
    "VirtualSite",
    "demo_configuration",
    "demo_prices",
    "history",
    "load_state",
    "open_demo_site",
    "save_state",
]
