"""The meters of the site: what they are, how they answer, and how one is added."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from energy_desktop.domain.configuration import Configuration
from energy_desktop.domain.driver import DriverInfo, RegisterView, TestReading
from energy_desktop.domain.errors import DriverFileError, NotFound, WrongUse
from energy_desktop.domain.ports import ConfigurationStore, DriverCatalogue, FieldControl, History
from energy_desktop.domain.recount import Past
from energy_desktop.domain.site import Link, Meter
from energy_desktop.domain.snapshot import LinkState, MeterStatus, Snapshot
from energy_desktop.services.counting import CountingService
from energy_desktop.services.site_file.check import check


@dataclass(frozen=True, slots=True)
class MeterListing:
    """One row of the list. last_ms: the newest stored or live reading; None: never read."""

    meter: Meter
    link: Link | None
    driver: DriverInfo | None
    status: MeterStatus
    last_ms: int | None


class MeterService:
    """Lists, tries, saves and retires meters.

    field None: no engine runs in this program. on_changed: who follows a changed configuration.
    drivers_folder: where a site's own driver files are looked for; None: not known here.
    counting: what a changed ratio or modulus does to the past; None: nothing was booked yet.
    """

    def __init__(
        self,
        store: ConfigurationStore,
        history: History,
        catalogue: DriverCatalogue,
        field: FieldControl | None = None,
        on_changed: Callable[[Configuration], None] | None = None,
        drivers_folder: Path | None = None,
        counting: CountingService | None = None,
    ) -> None:
        self._store = store
        self._history = history
        self._catalogue = catalogue
        self._field = field
        self._on_changed = on_changed
        self.drivers_folder = drivers_folder
        self._counting = counting

    def configuration(self) -> Configuration:
        return self._store.load()

    def meter(self, meter_id: str) -> Meter:
        """Raises NotFound, naming the meters that there are."""
        configuration = self._store.load()
        found = configuration.any_meter(meter_id)
        if found is None:
            known = ", ".join(m.meter_id for m in configuration.meters[:12]) or "none yet"
            raise NotFound(
                where=f"Meter {meter_id}",
                what="The site has no such meter.",
                remedy=f"It has: {known}.",
            )
        return found

    def listing(self) -> tuple[MeterListing, ...]:
        """All meters in the order of the configuration; reads the store, so not for the GUI."""
        configuration = self._store.load()
        statuses = {} if self._field is None else self._field.statuses()
        drivers = {d.driver_id: d for d in self._catalogue.drivers()}
        rows = []
        for meter in configuration.meters:
            status = statuses.get(meter.meter_id, MeterStatus(meter.meter_id, LinkState.STOPPED))
            last_ms = status.last_read_ms
            if last_ms is None:
                extent = self._history.extent(meter.meter_id)
                last_ms = None if extent is None else extent[1]
            rows.append(
                MeterListing(
                    meter,
                    configuration.link(meter.link_id),
                    drivers.get(meter.driver_id),
                    status,
                    last_ms,
                )
            )
        return tuple(rows)

    def statuses(self) -> dict[str, MeterStatus]:
        """Live states; cheap, so any thread may ask."""
        return {} if self._field is None else self._field.statuses()

    def drivers(self) -> tuple[DriverInfo, ...]:
        return self._catalogue.drivers()

    def registers(self, driver_id: str) -> tuple[RegisterView, ...]:
        return self._catalogue.registers(driver_id)

    def driver_errors(self) -> tuple[DriverFileError, ...]:
        """Driver files that could not be used, each with line and reason."""
        return self._catalogue.errors()

    def latest(self, meter_id: str) -> Snapshot | None:
        """The newest stored reading; None: never read. Reads the store, so not for the GUI."""
        return self._history.latest(meter_id)

    def test(self, link: Link, driver_id: str, unit_id: int, address: str = "") -> TestReading:
        """One trial read over a link that need not be saved. Raises what the wire raises."""
        return self._need_field().read_once(link, driver_id, unit_id, address=address)

    def save(self, meter: Meter, link: Link, past: Past | None = None) -> Configuration:
        """Adds or changes a meter and its link; polling follows at once.

        past: what becomes of the energy that is booked, where the meter is to be counted in
        another way. Raises WrongUse with the first thing that does not hold together, and
        PastUndecided where that has to be said first; then nothing was stored.
        """
        current = self._store.load()
        changed = replace(
            current,
            meters=(*(m for m in current.meters if m.meter_id != meter.meter_id), meter),
            links=(*(k for k in current.links if k.link_id != link.link_id), link),
        )
        known = {d.driver_id: d.protocol for d in self._catalogue.drivers()}
        problems = check(changed, known)
        if problems:
            raise WrongUse(
                where=f"Meter {meter.meter_id or '(no id)'}",
                what=problems[0][2],
                remedy="Change the entry and save again; nothing was stored.",
            )

        def store() -> None:
            self._store.save_meter(meter, link)
            self._follow()

        changes = () if self._counting is None else self._counting.changes(current, changed)
        if self._counting is None or not changes:
            store()
        else:
            if past is None:
                self._counting.need_answer(changes)
            self._counting.carry_out(changes, past or Past.KEEP, store)
        return self._store.load()

    def retire(self, meter_id: str) -> Configuration:
        """Stops polling a meter; its readings stay."""
        self.meter(meter_id)
        self._store.remove_meter(meter_id)
        return self._follow()

    def try_now(self, meter_id: str) -> None:
        self._need_field().try_now(meter_id)

    def _follow(self) -> Configuration:
        configuration = self._store.load()
        if self._on_changed is not None:
            self._on_changed(configuration)
        return configuration

    def _need_field(self) -> FieldControl:
        if self._field is None:
            raise WrongUse(
                where="Meters",
                what="No engine runs in this program, so nothing can be asked on the wire.",
                remedy="Use `energy-desktop poll`, or open the window.",
            )
        return self._field
