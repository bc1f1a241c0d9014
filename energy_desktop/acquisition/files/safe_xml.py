"""XML from outside: no document type, no entities, no depth and no size without end.

An entity of ten lines can unfold to gigabytes, and one that names a file reads it. Readings need
neither, so a document type declaration is refused where it begins, before anything unfolds.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import IO
from xml.parsers import expat

from energy_desktop.acquisition.files.text import Watch, place, unwatched
from energy_desktop.domain.errors import DataFileError

_CHUNK = 1 << 20
_DEEPEST = 64
_LONGEST_TEXT = 100_000


class XmlWalk:
    """Walks a document without building it: `opened(name, attributes)` and `closed(name, text)`,
    names without their namespace. text: what stands directly in the element, stripped."""

    def __init__(
        self,
        path: Path,
        opened: Callable[[str, dict[str, str]], object],
        closed: Callable[[str, str], object],
    ) -> None:
        self._path = path
        self._opened = opened
        self._closed = closed
        self._texts: list[list[str]] = []
        self._parser = expat.ParserCreate(namespace_separator=" ")
        self._parser.buffer_text = True
        self._parser.StartDoctypeDeclHandler = self._refuse_doctype
        self._parser.EntityDeclHandler = self._refuse_doctype
        self._parser.StartElementHandler = self._on_start
        self._parser.EndElementHandler = self._on_end
        self._parser.CharacterDataHandler = self._on_text

    @property
    def line(self) -> int:
        return self._parser.CurrentLineNumber

    def walk(
        self, file: IO[bytes], *, most_bytes: int, size: int = 0, watch: Watch = unwatched
    ) -> None:
        """Raises DataFileError for what is no well-formed, plain XML below `most_bytes`."""
        total = 0
        try:
            while True:
                watch(total / size if size else 0.0)
                chunk = file.read(_CHUNK)
                total += len(chunk)
                if total > most_bytes:
                    raise DataFileError(
                        where=self._path.name,
                        what=f"it holds more than {most_bytes / 2**20:,.0f} MiB of XML.",
                        remedy="Ask for a shorter period.",
                    )
                self._parser.Parse(chunk, not chunk)
                if not chunk:
                    return
        except expat.ExpatError as error:
            raise DataFileError(
                where=place(self._path, error.lineno),
                what=f"it is no well-formed XML: {expat.ErrorString(error.code)}.",
                remedy="Fetch it again.",
            ) from error

    def _refuse_doctype(self, *_: object) -> None:
        raise DataFileError(
            where=place(self._path, self.line),
            what="it declares a document type or entities, which files of readings never do.",
            remedy="Do not open it; ask its sender.",
        )

    def _on_start(self, name: str, attributes: dict[str, str]) -> None:
        if len(self._texts) >= _DEEPEST:
            raise DataFileError(
                where=place(self._path, self.line),
                what=f"its elements are nested more than {_DEEPEST} deep.",
                remedy="Check that this is a file of readings.",
            )
        self._texts.append([])
        self._opened(name.rpartition(" ")[2], attributes)

    def _on_text(self, text: str) -> None:
        if self._texts:
            self._texts[-1].append(text)
            if sum(map(len, self._texts[-1])) > _LONGEST_TEXT:
                raise DataFileError(
                    where=place(self._path, self.line),
                    what=f"one text is longer than {_LONGEST_TEXT:,} characters.",
                    remedy="Check that this is a file of readings.",
                )

    def _on_end(self, name: str) -> None:
        text = "".join(self._texts.pop()).strip()
        self._closed(name.rpartition(" ")[2], text)
