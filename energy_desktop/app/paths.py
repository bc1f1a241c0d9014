"""Where things lie: shipped files (frozen or not) and the site's own folder."""

import os
import sys
from dataclasses import dataclass
from pathlib import Path


def shipped() -> Path:
    """The folder that holds drivers/ and resources/: the bundle's, or the checkout's."""
    bundle = getattr(sys, "_MEIPASS", None)
    return Path(bundle) if bundle else Path(__file__).resolve().parents[2]


def drivers_folder() -> Path:
    return shipped() / "drivers"


def fonts_folder() -> Path:
    return shipped() / "resources" / "fonts"


def default_site_folder() -> Path:
    """ENERGY_DESKTOP_SITE, else the user's data folder of this system."""
    named = os.environ.get("ENERGY_DESKTOP_SITE")
    if named:
        return Path(named)
    from platformdirs import user_data_path

    return user_data_path("energy_desktop", appauthor=False) / "site"


@dataclass(frozen=True, slots=True)
class SiteFolder:
    """All that belongs to one site: its database, its own drivers, its log, its papers."""

    root: Path

    @property
    def database(self) -> Path:
        return self.root / "site.sqlite"

    @property
    def store(self) -> str | Path:
        """Where readings are kept: ENERGY_DESKTOP_DATABASE_URL (PostgreSQL), else the file."""
        return os.environ.get("ENERGY_DESKTOP_DATABASE_URL") or self.database

    @property
    def drivers(self) -> Path:
        return self.root / "drivers"

    @property
    def log(self) -> Path:
        return self.root / "log" / "energy_desktop.log"

    @property
    def simulator(self) -> Path:
        """State of the virtual site, when this is the demo."""
        return self.root / "simulator.json"

    @property
    def window(self) -> Path:
        """What the frame of the window needs before the store is open."""
        return self.root / "window.json"

    @property
    def papers(self) -> Path:
        return self.root / "papers"

    @property
    def photos(self) -> Path:
        """Pictures of exchange protocols."""
        return self.root / "photos"

    @property
    def backups(self) -> Path:
        return self.root / "backups"

    @property
    def fleet(self) -> Path:
        """Runs over thousands of meters, one folder each."""
        return self.root / "fleet"

    def make(self) -> None:
        """Raises StoreError in words when the folder cannot be made or written."""
        from energy_desktop.domain.errors import StoreError

        try:
            for folder in (self.root, self.drivers, self.log.parent):
                folder.mkdir(parents=True, exist_ok=True)
            probe = self.root / ".writable"
            probe.write_bytes(b"")
            probe.unlink()
        except OSError as error:
            raise StoreError(
                where=str(self.root),
                what=f"The site folder cannot be written: {error.strerror or error}.",
                remedy="Name another with --site FOLDER, or mend its permissions.",
            ) from error
