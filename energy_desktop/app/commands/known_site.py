"""What a command that only looks knows of a site: its meters, links and drivers, and no services.

The site is the one that is stored, or a file that need not be applied; where there is neither, the
command still works for what it is told, and leaves nothing on the disk.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from energy_desktop.app.commands.common import opened, site_folder
from energy_desktop.domain.configuration import Configuration

if TYPE_CHECKING:
    from energy_desktop.acquisition.profiles import ProfileLibrary


@dataclass(frozen=True, slots=True)
class KnownSite:
    """configuration: as it was when the command began. password: of a link by its id."""

    configuration: Configuration
    library: ProfileLibrary
    password: Callable[[str], str | None]

    def load(self) -> Configuration:
        return self.configuration


@contextmanager
def known_site(
    site: Path | None, file: Path | None = None, *, needed: bool = True
) -> Iterator[KnownSite]:
    """needed: the command was told of a meter or link of the site; else one whose database is gone
    is as good as none.

    Raises SiteFileError for a file that is none, NotFound for a site folder that is none, and
    MissingStore for a database that is gone.
    """
    from energy_desktop.acquisition.profiles import ProfileLibrary
    from energy_desktop.app.paths import drivers_folder
    from energy_desktop.app.store_gone import refuse_if_gone
    from energy_desktop.services.secrets import SecretService

    folder = site_folder(site)
    secrets = SecretService(folder.root)

    def made(configuration: Configuration, library: ProfileLibrary) -> KnownSite:
        def password(link_id: str) -> str | None:
            return secrets.get(link_id) if configuration.link(link_id) is not None else None

        return KnownSite(configuration, library, password)

    stored = not isinstance(folder.store, Path) or folder.store.exists()
    if file is None and needed:
        refuse_if_gone(folder)
    if file is None and stored:
        with opened(site) as place:
            yield made(place.store.configuration.load(), place.library)
        return
    library = ProfileLibrary([drivers_folder(), folder.drivers])
    configuration = Configuration()
    if file is not None:
        from energy_desktop.services.site_file import read_site_file

        configuration, _ = read_site_file(file)
    yield made(configuration, library)
