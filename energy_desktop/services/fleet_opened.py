"""Fleet results that lie elsewhere and were opened once: of another machine, of the command line.

A site remembers where they are. Results on a stick that was pulled out are not offered, and are
there again when the stick is.
"""

from __future__ import annotations

import json
import logging
from pathlib import Path

from energy_desktop.domain.errors import StoreError

_LOG = logging.getLogger("energy_desktop.fleet")
_NAME = "opened.json"
_MOST = 20


class OpenedResults:
    """The list in `folder`, the last opened first."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._path = folder / _NAME

    def there(self) -> tuple[Path, ...]:
        """Those that can be reached now."""
        return tuple(one for one in self._listed() if (one / "fleet.json").is_file())

    def add(self, out: Path) -> None:
        """Puts it first. Raises StoreError when the folder cannot be written."""
        place = out.absolute()
        listed = self._listed()
        if listed[:1] != (place,):
            self._save((place, *(one for one in listed if one != place))[:_MOST])

    def take(self, out: Path) -> None:
        """Raises StoreError when the folder cannot be written."""
        listed = self._listed()
        kept = tuple(one for one in listed if one != out.absolute())
        if kept != listed:
            self._save(kept)

    def _listed(self) -> tuple[Path, ...]:
        if not self._path.exists():
            return ()
        try:
            said = json.loads(self._path.read_text(encoding="utf-8"))
            return tuple(Path(one) for one in said["opened"])
        except (OSError, ValueError, KeyError, TypeError) as error:
            _LOG.warning("%s cannot be read, so opened results are forgotten: %s", _NAME, error)
            return ()

    def _save(self, places: tuple[Path, ...]) -> None:
        beside = self._path.with_name(_NAME + ".new")
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            text = json.dumps({"opened": [str(one) for one in places]}, ensure_ascii=False)
            beside.write_text(text, encoding="utf-8")
            beside.replace(self._path)
        except OSError as error:
            raise StoreError(
                where=str(self._path),
                what=f"The opened results cannot be remembered: {error.strerror or error}.",
                remedy="Check that the site's folder can be written.",
            ) from error
