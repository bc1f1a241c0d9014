"""What the page "Balance" is given."""

from __future__ import annotations

from dataclasses import dataclass

from energy_desktop.services.balance_papers import BalancePapers
from energy_desktop.services.balances import BalanceService
from energy_desktop.services.energy_weather import EnergyWeatherService
from energy_desktop.services.papers import PaperService
from energy_desktop.services.virtual_meters import VirtualMeterService


@dataclass(frozen=True, slots=True)
class BalanceServices:
    """documents: what is seen as a value; papers: that value as a file."""

    balances: BalanceService
    weather: EnergyWeatherService
    virtual_meters: VirtualMeterService
    documents: BalancePapers
    papers: PaperService
