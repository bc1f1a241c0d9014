"""How files with a certain header were read last time, so that it is said only once."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, fields, replace
from typing import Any

from energy_desktop.acquisition.files.guess import FileLook
from energy_desktop.acquisition.files.layout import CsvLayout
from energy_desktop.domain.ports import ConfigurationStore

_SETTING = "import_layouts"
_KEPT = 50


class RememberedLayouts:
    """Kept in the site, by the names of the columns; the oldest are forgotten."""

    def __init__(self, configuration: ConfigurationStore) -> None:
        self._configuration = configuration

    def recall(self, found: FileLook) -> FileLook:
        """The look with the layout of last time, if such a header was read before."""
        said = self._all().get(_key(found)) if found.columns else None
        if said is None:
            return found
        known = {one.name for one in fields(CsvLayout)}
        if not set(said) <= known:
            return found  # of another version of the program
        said["value_columns"] = tuple(said.get("value_columns", ()))
        layout = replace(
            CsvLayout(**said),
            header_line=found.layout.header_line,
            delimiter=found.layout.delimiter,
        )
        return replace(
            found,
            layout=layout,
            title=found.title or "read like the last file with these columns",
            unsaid=(),
        )

    def remember(self, found: FileLook, layout: CsvLayout) -> None:
        if not found.columns:
            return
        kept = self._all()
        kept.pop(_key(found), None)
        kept[_key(found)] = asdict(layout)
        recent = dict(list(kept.items())[-_KEPT:])
        self._configuration.save_setting(_SETTING, json.dumps(recent))

    def _all(self) -> dict[str, dict[str, Any]]:
        said = self._configuration.setting(_SETTING)
        kept: dict[str, dict[str, Any]] = json.loads(said) if said else {}
        return kept


def _key(found: FileLook) -> str:
    whole = "\x1f".join((found.kind, *found.columns))
    return hashlib.sha256(whole.encode()).hexdigest()[:24]
