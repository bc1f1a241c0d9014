"""The site as a TOML file: read, checked as a whole, applied as a whole or not at all."""

from energy_desktop.services.site_file.check import check
from energy_desktop.services.site_file.read import parse, read_site_file
from energy_desktop.services.site_file.service import AppliedChanges, SiteFileService
from energy_desktop.services.site_file.write import site_file_text

__all__ = [
    "AppliedChanges",
    "SiteFileService",
    "check",
    "parse",
    "read_site_file",
    "site_file_text",
]
