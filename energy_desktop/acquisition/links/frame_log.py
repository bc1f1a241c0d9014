"""The last frames of a link, as they went over the wire.

A frame is kept as bytes with two time stamps; its words are made when somebody looks, because at a
thousand meters a second nobody looks at most of them. One link keeps up to FRAMES_KEPT frames; the
field divides what all links may keep together among them, so that a thousand links do not fill the
memory (`keep`).
"""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from time import monotonic, time
from typing import NamedTuple

from energy_desktop.domain.bus import BusError, Frame

FRAMES_KEPT = 2_000

Meaning = str | Callable[[], str]
"""Words of a frame, or what makes them when they are asked for."""


@dataclass(frozen=True, slots=True)
class Described:
    """What the bytes of a frame say by themselves."""

    meaning: str
    unit_id: int | None = None


Describe = Callable[[bool, bytes, float | None], Described]
"""From sent, data and the milliseconds since the frame before to words."""


class _Entry(NamedTuple):
    number: int
    time_s: float  # UTC epoch
    at_s: float  # monotonic
    sent: bool
    data: bytes
    meaning: Meaning
    unit_id: int | None
    error: BusError | None


_Raw = tuple[int, float, float, bool, bytes, Meaning, int | None, BusError | None]
"""An _Entry as it is appended: a named tuple takes as long to make as all the rest."""


class FrameLog:
    """Appended to by the link's thread alone, so without a lock; read from any.

    describe: words for frames that are logged without a meaning of their own.
    """

    def __init__(self, describe: Describe | None = None, capacity: int = FRAMES_KEPT) -> None:
        self._describe = describe
        self._entries: deque[_Raw] = deque(maxlen=capacity)
        self._count = 0

    @property
    def capacity(self) -> int:
        """How many frames are kept."""
        return self._entries.maxlen or 0

    def sent(self, data: bytes, meaning: Meaning = "", unit_id: int | None = None) -> None:
        self._count += 1
        self._entries.append((self._count, time(), monotonic(), True, data, meaning, unit_id, None))

    def received(
        self,
        data: bytes,
        meaning: Meaning = "",
        unit_id: int | None = None,
        error: BusError | None = None,
    ) -> None:
        self._count += 1
        self._entries.append(
            (self._count, time(), monotonic(), False, data, meaning, unit_id, error)
        )

    def noticed(self, error: BusError, unit_id: int | None, text: Meaning) -> None:
        """What happened instead of a frame: `no answer in 1.0 s`."""
        self.received(b"", text, unit_id, error)

    def keep(self, capacity: int) -> None:
        """Keeps at most this many frames from now on, the newest of those that are there.

        Called in the link's thread.
        """
        if capacity != self._entries.maxlen:
            self._entries = deque(self._entries, maxlen=capacity)

    def frames(self, after: int = 0) -> tuple[Frame, ...]:
        """Frames with a number above `after`, oldest first, as far as they are still kept."""
        entries = self._snapshot()
        frames: list[Frame] = []
        before: _Entry | None = None
        for entry in entries:
            if entry.number > after:
                frames.append(self._frame(entry, before))
            before = entry
        return tuple(frames)

    def _snapshot(self) -> list[_Entry]:
        while True:
            try:
                raw = list(self._entries)
            except RuntimeError:  # a frame came meanwhile
                continue
            return [_Entry(*one) for one in raw]

    def _frame(self, entry: _Entry, before: _Entry | None) -> Frame:
        after_ms = None if before is None else (entry.at_s - before.at_s) * 1000
        meaning = entry.meaning if isinstance(entry.meaning, str) else entry.meaning()
        unit_id = entry.unit_id
        if self._describe is not None and entry.data and (not meaning or unit_id is None):
            described = self._describe(entry.sent, entry.data, after_ms)
            meaning = meaning or described.meaning
            unit_id = described.unit_id if unit_id is None else unit_id
        return Frame(
            entry.number,
            entry.time_s * 1000,
            entry.sent,
            entry.data,
            meaning,
            after_ms,
            unit_id,
            entry.error,
        )
