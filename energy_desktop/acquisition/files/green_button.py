"""Green Button: interval data as utilities of North America hand them out (NAESB REQ.21, ESPI XML).

An Atom feed of entries that point at each other: a usage point has meter readings, a meter reading
has a reading type (unit, power of ten, direction of flow) and blocks of intervals. Starts are
seconds of UTC, so no clock change matters; lengths stand with each reading. Codes used here:
uom 72 Wh, 38 W; flow direction 1 delivered to the customer, 19 received from him; accumulation 3
and 9 are totals that count on, not intervals; quality of a reading 7 edited, 8 to 13 estimated in
one way or other, 0 and 17 to 19 valid. Sources: the published ESPI schema and sample files.
"""

from __future__ import annotations

import gzip
import zlib
from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, cast

import numpy as np

from energy_desktop.acquisition.files.safe_xml import XmlWalk
from energy_desktop.acquisition.files.series import (
    EXPORT,
    IMPORT,
    MOST_WH,
    ParsedSeries,
    RejectedLine,
    Rows,
    Staged,
    finished,
    without_repeats,
)
from energy_desktop.acquisition.files.text import (
    DEFAULT_LIMITS,
    Limits,
    Watch,
    place,
    unwatched,
)
from energy_desktop.domain.energy import IntervalQuality
from energy_desktop.domain.errors import DataFileError

_WH, _W = "72", "38"
_TOTALS = frozenset(("1", "3", "6", "9"))
_RECEIVED = "19"
_ESTIMATED = frozenset(("8", "9", "10", "11", "12", "13"))
_VALID = frozenset(("0", "17", "18", "19"))
_EDITED = "7"
_TYPES = frozenset(("ReadingType", "MeterReading", "UsagePoint", "IntervalBlock"))


@dataclass(slots=True)
class _Entry:
    kind: str = ""
    title: str = ""
    links: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    facts: dict[str, str] = field(default_factory=dict)
    readings: list[tuple[int, int, int, str, str]] = field(default_factory=list)

    @property
    def itself(self) -> str:
        return self.links["self"][0] if self.links["self"] else ""


class _Feed:
    """Entries of the feed as they end; what of a reading is no number is kept as a reason."""

    def __init__(self, path: Path, limits: Limits) -> None:
        self.entries: list[_Entry] = []
        self.rejected: dict[int, list[RejectedLine]] = defaultdict(list)
        self.walk = XmlWalk(path, self._opened, self._closed)
        self._path = path
        self._limits = limits
        self._entry = _Entry()
        self._within: list[str] = []
        self._reading: dict[str, str] = {}
        self._count = 0

    def _opened(self, name: str, attributes: dict[str, str]) -> None:
        self._within.append(name)
        if len(self._within) == 1 and name not in ("feed", "entry"):
            raise DataFileError(
                where=place(self._path, self.walk.line),
                what=f"it is XML, but {name[:40]!r} is no Green Button feed.",
                remedy="Ask the utility for Green Button (ESPI) data, or for CSV.",
            )
        if name == "entry":
            self._entry = _Entry()
        elif name == "link":
            self._entry.links[attributes.get("rel", "")].append(attributes.get("href", ""))
        elif name in _TYPES or (name == "IntervalBLock"):
            self._entry.kind = self._entry.kind or name.replace("BLock", "Block")
        elif name == "IntervalReading":
            self._reading = {}

    def _closed(self, name: str, text: str) -> None:
        self._within.pop()
        if name == "entry":
            self.entries.append(self._entry)
        elif name == "title" and self._within[-1:] == ["entry"]:
            self._entry.title = text
        elif name == "IntervalReading":
            self._take()
        elif "IntervalReading" in self._within:
            self._reading[name] = text
        elif self._entry.kind == "ReadingType":
            self._entry.facts[name] = text

    def _take(self) -> None:
        self._count += 1
        if self._count > self._limits.rows:
            raise DataFileError(
                where=place(self._path, self.walk.line),
                what=f"the file has more than {self._limits.rows:,} readings.",
                remedy="Ask for a shorter period.",
            )
        said = self._reading
        try:
            start, duration = int(said["start"]), int(said.get("duration") or 0)
            value = int(said["value"])
            if not 0 <= start < 7_258_118_400 or abs(value) > MOST_WH:
                raise ValueError(said)
        except (KeyError, ValueError):
            self.rejected[id(self._entry)].append(
                RejectedLine(self.walk.line, "start, duration or value is no number")
            )
            return
        self._entry.readings.append(
            (start, duration, value, said.get("quality", ""), str(self.walk.line))
        )


def is_green_button(beginning: bytes) -> bool:
    """Whether the first bytes of a file are those of an XML document."""
    return beginning.removeprefix(b"\xef\xbb\xbf").lstrip()[:1] == b"<"


def stage_green_button(
    path: Path,
    *,
    meter_id: str | None = None,
    limits: Limits = DEFAULT_LIMITS,
    watch: Watch = unwatched,
) -> Staged:
    """One series a usage point and direction of flow. Raises DataFileError."""
    feed = _Feed(path, limits)
    size = path.stat().st_size
    try:
        with path.open("rb") as raw:
            packed = raw.read(2) == b"\x1f\x8b"
            raw.seek(0)
            file = cast("IO[bytes]", gzip.GzipFile(fileobj=raw)) if packed else raw
            most = min(limits.text_bytes, limits.gzip_ratio * size) if packed else limits.text_bytes
            feed.walk.walk(
                file,
                most_bytes=max(most, 16 << 20),
                size=0 if packed else size,
                watch=watch,
            )
    except (gzip.BadGzipFile, zlib.error, EOFError) as error:
        raise DataFileError(
            where=path.name,
            what="the compressed file is damaged or cut off.",
            remedy="Fetch it again.",
        ) from error
    series = tuple(_series(path, feed, meter_id, limits))
    if not series:
        raise DataFileError(
            where=path.name,
            what="there is no electrical energy or power of intervals in it.",
            remedy="Ask the utility for interval data in Wh.",
        )
    by_name = {_key(one, series): one for one in series}
    return Staged(tuple(by_name), by_name.__getitem__)


def _key(one: ParsedSeries, series: tuple[ParsedSeries, ...]) -> str:
    same = [other for other in series if other.meter_id == one.meter_id]
    return one.meter_id if len(same) == 1 else f"{one.meter_id} {one.register}"


def _series(path: Path, feed: _Feed, meter_id: str | None, limits: Limits) -> list[ParsedSeries]:
    types = [entry for entry in feed.entries if entry.kind == "ReadingType"]
    blocks = [entry for entry in feed.entries if entry.kind == "IntervalBlock"]
    grouped: dict[tuple[str, int], list[_Entry]] = defaultdict(list)
    for block in blocks:
        kind = _type_of(feed, types, block)
        if kind is not None:
            grouped[_usage_point(path, feed, block), types.index(kind)].append(block)
    made = []
    points = {point for point, _ in grouped}
    for (point, number), members in grouped.items():
        name = meter_id if meter_id is not None and len(points) == 1 else point
        one = _one(path, name, types[number], members, feed, limits)
        if one is not None:
            made.append(one)
    return made


def _type_of(feed: _Feed, types: list[_Entry], block: _Entry) -> _Entry | None:
    """The reading type of the meter reading that the block hangs on; the only one where links
    are missing. Raises nothing: None leaves the block out."""
    reading = _above(feed, "MeterReading", block)
    if reading is not None:
        for link in reading.links["related"]:
            for one in types:
                if one.itself and _same(link, one.itself):
                    return one
    return types[0] if len(types) == 1 else None


def _usage_point(path: Path, feed: _Feed, block: _Entry) -> str:
    points = [entry for entry in feed.entries if entry.kind == "UsagePoint"]
    point = _above(feed, "UsagePoint", block) or (points[0] if len(points) == 1 else None)
    if point is None:
        return path.name.removesuffix(".gz").removesuffix(".xml")
    return point.title or point.itself.rstrip("/").rpartition("/")[2] or path.stem


def _above(feed: _Feed, kind: str, block: _Entry) -> _Entry | None:
    """The entry of that kind whose address begins the block's."""
    addresses = [*block.links["up"], *block.links["self"]]
    for entry in feed.entries:
        if entry.kind == kind and entry.itself:
            stem = entry.itself.rstrip("/") + "/"
            if any((address + "/").find(stem) >= 0 for address in addresses):
                return entry
    return None


def _same(one: str, other: str) -> bool:
    a, b = one.rstrip("/"), other.rstrip("/")
    return a == b or a.endswith("/" + b) or b.endswith("/" + a)


def _one(
    path: Path, name: str, kind: _Entry, members: list[_Entry], feed: _Feed, limits: Limits
) -> ParsedSeries | None:
    facts = kind.facts
    uom = facts.get("uom", "")
    if uom not in (_WH, _W) or facts.get("accumulationBehaviour") in _TOTALS:
        return None
    raw = [reading for block in members for reading in block.readings]
    rejected = [line for block in members for line in feed.rejected[id(block)]]
    rows_read = len(raw) + len(rejected)
    lengths = [duration for _, duration, *_ in raw if duration > 0]
    said = facts.get("intervalLength", "")
    step_s = int(np.median(lengths)) if lengths else int(said) if said.isdigit() else 0
    if not 0 < step_s <= 86_400:
        raise DataFileError(
            where=f"{path.name}, {name}",
            what="its intervals have no length up to a day.",
            remedy="Ask for interval data of an hour or less.",
        )
    power = facts.get("powerOfTenMultiplier", "0") or "0"
    factor = 10.0 ** int(power) if power.lstrip("-").isdigit() and abs(int(power)) <= 12 else 1.0
    if uom == _W:
        factor *= step_s / 3600
    good = []
    for reading in raw:
        start, duration, value, _, line = reading
        if duration not in (0, step_s):
            rejected.append(RejectedLine(int(line), f"it lasts {duration} s, the others {step_s}"))
        elif value < 0:
            rejected.append(RejectedLine(int(line), f"{value} is below zero"))
        elif start % step_s and (start - raw[0][0]) % step_s:
            rejected.append(RejectedLine(int(line), f"it is off the {step_s} s grid"))
        else:
            good.append(reading)
    if len(rejected) > limits.rejects:
        raise DataFileError(
            where=place(path, rejected[0].line),
            what=f"more than {limits.rejects:,} readings cannot be used, the first of them: "
            f"{rejected[0].reason}.",
            remedy="Check the file.",
        )
    lines = np.array([int(g[4]) for g in good], np.int64)
    starts = np.array([g[0] * 1000 for g in good], np.int64)
    values = np.array([g[2] for g in good], np.float64) * factor
    rows, duplicates, conflicts = without_repeats(Rows(lines, starts, np.round(values, 6)))
    by_start = dict(zip(starts[::-1].tolist(), [_quality(g[3]) for g in good[::-1]], strict=True))
    quality = np.array([by_start[start] for start in rows.time_ms.tolist()], np.int8)
    return finished(
        name,
        step_s,
        rows.time_ms,
        rows.value,
        rows_read=rows_read,
        duplicates=duplicates,
        rejected=[*rejected, *conflicts],
        register=EXPORT if facts.get("flowDirection") == _RECEIVED else IMPORT,
        quality=quality,
        lines=rows.line,
    )


def _quality(code: str) -> IntervalQuality:
    if code in _ESTIMATED:
        return IntervalQuality.ESTIMATED
    if code == _EDITED:
        return IntervalQuality.EDITED
    return IntervalQuality.VALIDATED if code in _VALID else IntervalQuality.RAW
