"""Writes documents: PDF, CSV or Excel by the ending of the name, from one value."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from energy_desktop.domain.document import Document, DocumentSection
from energy_desktop.domain.errors import NotEnoughData, WrongUse

RenderDocument = Callable[[Document], bytes]
ENDINGS = (".csv", ".xlsx", ".pdf")


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
