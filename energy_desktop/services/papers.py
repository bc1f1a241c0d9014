"""Writes documents: PDF, CSV or Excel by the ending of the name, from one value.

What every document of a site says alike stands here too: whose it is, when it was made, whether
its meters are simulated, and how energy and moments are written in its tables.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from datetime import date
from decimal import Decimal
from pathlib import Path
from zoneinfo import ZoneInfo

from energy_desktop.domain.clock import Clock, from_ms, to_ms
from energy_desktop.domain.document import Document, DocumentFigure, DocumentSection
from energy_desktop.domain.errors import NotEnoughData, WrongUse
from energy_desktop.domain.site import Site

RenderDocument = Callable[[Document], bytes]
ENDINGS = (".csv", ".xlsx", ".pdf")


class Letterhead:
    """simulated: whether the site is a demo, which every paper of it must say."""

    def __init__(self, clock: Clock, simulated: Callable[[], bool]) -> None:
        self._clock = clock
        self._simulated = simulated

    def document(
        self,
        site: Site,
        title: str,
        period_ms: tuple[int, int],
        answer: str,
        figures: Sequence[DocumentFigure] = (),
        sections: Sequence[DocumentSection] = (),
    ) -> Document:
        """What a site's paper says of [start, end) in UTC epoch ms; made now."""
        return Document(
            title,
            site.name,
            site.zone,
            *period_ms,
            to_ms(self._clock()),
            answer,
            tuple(figures),
            tuple(sections),
            self._simulated(),
        )


def cell_kwh(energy_wh: float | None) -> Decimal | None:
    """To the Wh; None: not known, which NaN is too."""
    if energy_wh is None or math.isnan(energy_wh):
        return None
    return Decimal(round(energy_wh)) / 1000


def cell_moment(at_ms: int, zone: ZoneInfo) -> str:
    """With its offset, so that the hour that happens twice is told apart."""
    return from_ms(at_ms).astimezone(zone).isoformat(timespec="minutes")


def cell_day(at_ms: int, zone: ZoneInfo) -> date:
    """The local day."""
    return from_ms(at_ms).astimezone(zone).date()


class PaperService:
    """render: the bytes of a document's PDF."""

    def __init__(self, render: RenderDocument) -> None:
        self._render = render

    def write(self, document: Document, out: Path) -> tuple[Path, ...]:
        """The files that it became: CSV makes one for each table. Whole files or none.

        Raises WrongUse (file type), NotEnoughData (no table in it) and UserFacingError (a folder
        that takes no file).
        """
        from energy_desktop.reports.files import write_bytes
        from energy_desktop.reports.tables import Column, Sheet, write_csv, write_xlsx

        ending = out.suffix.lower()
        if ending not in ENDINGS:
            raise WrongUse(
                where=out.name,
                what="this file type cannot be written.",
                remedy="End the name in .csv, .xlsx or .pdf.",
            )
        if ending == ".pdf":
            write_bytes(out, self._render(document))
            return (out,)
        under: dict[str, list[DocumentSection]] = {}
        for section in document.sections:
            if section.sheet and section.rows:
                under.setdefault(section.sheet, []).append(section)
        sheets = [
            Sheet(
                name,
                tuple(Column(c.title, c.kind) for c in sections[0].columns),
                tuple(row for section in sections for row in section.rows),
            )
            for name, sections in under.items()
        ]
        if not sheets:
            raise NotEnoughData(
                where=document.title,
                what="there is nothing in it to export.",
                remedy="Choose a period in which the meters counted.",
            )
        if ending == ".csv":
            return tuple(write_csv(sheets, out))
        write_xlsx(sheets, out)
        return (out,)
