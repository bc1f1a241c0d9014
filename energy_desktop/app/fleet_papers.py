"""Makes the paper of a fleet, for the window and for the command alike."""

from __future__ import annotations

from energy_desktop.app.paths import fonts_folder
from energy_desktop.domain.clock import Clock, system_clock
from energy_desktop.domain.fleet_report import FleetReport
from energy_desktop.services.fleet import FleetService
from energy_desktop.services.fleet_report import FleetReportService


def render_fleet(report: FleetReport) -> bytes:
    """reportlab is imported when the first paper is made, not when the window opens."""
    from energy_desktop.reports import fleet_pdf

    return fleet_pdf.render(report, fonts=fonts_folder())


def fleet_papers(
    fleet: FleetService, *, made_for: str = "", clock: Clock = system_clock
) -> FleetReportService:
    """Rendered where the fleet is read: see FleetService.processes."""

    def render(report: FleetReport) -> bytes:
        if fleet.processes is None:
            return render_fleet(report)
        return fleet.processes.looks.run(render_fleet, report)

    return FleetReportService(fleet, render, made_for=made_for, clock=clock)
