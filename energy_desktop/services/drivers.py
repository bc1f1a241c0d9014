"""Drivers as a technician works on them: read, copied, changed, tried on the wire, kept, shared.

A shipped driver is never changed: it is copied under an id of its own into the site's folder.
Nothing is written that does not load, and a file appears whole or not at all.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from energy_desktop.domain.driver import DriverInfo, RegisterView, TestReading
from energy_desktop.domain.errors import DriverFileError, NotFound, WrongUse
from energy_desktop.domain.quantities import QUANTITIES
from energy_desktop.domain.recount import Past
from energy_desktop.domain.register_list import RegisterList
from energy_desktop.domain.site import Link

if TYPE_CHECKING:
    from energy_desktop.acquisition.profiles import DriverProfile, ProfileLibrary
    from energy_desktop.domain.ports import FieldControl
    from energy_desktop.domain.recount import CountingChange
    from energy_desktop.domain.register_list import ListedRegister
    from energy_desktop.services.counting import CountingService

_TEXT = "The driver"
_SLOW = 10  # in each tenth poll: counters change slowly, and a serial line is short of time
_MAX_TEXT = 1_000_000


@dataclass(frozen=True, slots=True)
class DriverCheck:
    """problems: line (from 1) and what is wrong there. info, summary: only when there are none."""

    problems: tuple[tuple[int, str], ...]
    info: DriverInfo | None = None
    summary: str = ""


class DriverService:
    """folder: where the site's own drivers lie; None: no site is open.

    field None: no engine runs in this program, so nothing can be tried on the wire. counting: what
    a changed scale or modulus does to the past; None: there is no store beside the drivers.
    """

    def __init__(
        self,
        library: ProfileLibrary,
        folder: Path | None,
        field: FieldControl | None = None,
        counting: CountingService | None = None,
    ) -> None:
        self._library = library
        self._folder = folder
        self._field = field
        self._counting = counting

    def drivers(self) -> tuple[DriverInfo, ...]:
        return self._library.drivers()

    def registers(self, driver_id: str) -> tuple[RegisterView, ...]:
        return self._library.registers(driver_id)

    def text(self, driver_id: str) -> str:
        """The file of a driver. Raises NotFound, DriverFileError."""
        path = Path(self._library.get(driver_id).file)
        try:
            return path.read_text(encoding="utf-8")
        except OSError as error:
            raise DriverFileError(
                where=str(path),
                what=f"cannot be read: {error.strerror or error}.",
                remedy="Check that the file is still there.",
            ) from error

    def copy(self, driver_id: str, new_id: str) -> str:
        """The text of a driver under another id; nothing is saved yet.

        Raises NotFound, and WrongUse for an id that is taken or cannot be one.
        """
        self._refuse_taken(new_id)
        text = self.text(driver_id)
        return re.sub(r'(?m)^(\s*id\s*=\s*)"[^"]*"', rf'\g<1>"{new_id}"', text, count=1)

    def check(self, text: str) -> DriverCheck:
        """What is wrong with a text, each mistake with its line."""
        from energy_desktop.acquisition.profile_file import problems_of

        if len(text) > _MAX_TEXT:
            return DriverCheck(((1, "the text is longer than a driver can be."),))
        problems = problems_of(text, _TEXT)
        if problems:
            return DriverCheck(problems)
        profile = self._parsed(text)
        return DriverCheck((), profile.info, _summary(profile))

    def test(self, text: str, link: Link, unit_id: int, address: str = "") -> TestReading:
        """One trial read with a driver that need not be saved. Raises what the wire raises."""
        if self._field is None:
            raise WrongUse(
                where=_TEXT,
                what="No engine runs here, so nothing can be read.",
                remedy="Start the program, or use `energy-desktop poll`.",
            )
        with self._library.trying(self._parsed(text)) as draft_id:
            return self._field.read_once(link, draft_id, unit_id, address=address)

    def save(self, text: str, past: Past | None = None) -> DriverInfo:
        """Keeps a driver in the site's folder; it is used from the next reading on.

        past: what becomes of booked energy where it counts in another way than before, else
        PastUndecided is raised. Raises DriverFileError for a text that does not load, WrongUse for
        the id of a shipped driver, UserFacingError when the folder cannot be written.
        """
        if self._folder is None:
            raise WrongUse(where=_TEXT, what="No site is open.", remedy="Open a site first.")
        profile = self._parsed(text)
        path = self._folder / f"{profile.driver_id}.toml"
        known = next((d for d in self.drivers() if d.driver_id == profile.driver_id), None)
        if known is not None:
            if not known.own:
                raise WrongUse(
                    where=_TEXT,
                    what=f"{profile.driver_id} is shipped with the program and stays as it is.",
                    remedy="Give the driver an id of its own in its first line.",
                )
            path = Path(known.file)
        changes = () if known is None else self._changes(profile)
        if self._counting is None or not changes:
            _write(path, text)
        else:
            if past is None:
                self._counting.need_answer(changes)
            held = past or Past.KEEP
            self._counting.carry_out(changes, held, lambda: _write(path, text), resume=True)
        return self._library.get(profile.driver_id).info

    def _changes(self, new: DriverProfile) -> tuple[CountingChange, ...]:
        """Meters that count in another way by the new text of their driver."""
        if self._counting is None:
            return ()
        try:
            old = self._library.get(new.driver_id)
        except DriverFileError:  # nothing was read by a driver that does not load
            return ()
        was, now_is = (
            {r.quantity: r.scale for r in profile.registers}
            | {p.quantity: p.scale for p in profile.points}
            for profile in (old, new)
        )
        factors = {name: scale / was[name] for name, scale in now_is.items() if name in was}
        before, now = (
            profile.modulus_wh("energy_import_wh") or profile.modulus_wh("energy_total_wh")
            for profile in (old, new)
        )
        return self._counting.driver_changes(new.driver_id, factors, before, now)

    def export(self, driver_id: str, path: Path) -> Path:
        """Writes a driver's file to `path`, to share it. Raises NotFound, UserFacingError."""
        _write(path, self.text(driver_id))
        return path

    def read_list(self, path: Path, *, numbering: str = "", value_format: str = "") -> RegisterList:
        """A maker's register list from CSV or Excel; see acquisition/register_list.py.

        Raises DataFileError when it is no such list.
        """
        from energy_desktop.acquisition.register_list import read_list

        return read_list(path, numbering=numbering, value_format=value_format)

    def from_list(
        self,
        listing: RegisterList,
        driver_id: str,
        function: int = 3,
        *,
        word_order: str = "ABCD",
        replace: bool = False,
    ) -> str:
        """The text of a driver made of a list's usable rows; nothing is saved yet.

        function: of the rows for which the list does not say. replace: a driver of the site may
        have this id. The rows that were left out stand at the end as comments with their reasons.
        Raises WrongUse.
        """
        self._refuse_taken(driver_id, replace=replace)
        if function not in (3, 4):
            raise WrongUse(
                where=f"Function {function}",
                what="It reads no registers.",
                remedy="3 reads holding registers, 4 input registers.",
            )
        if not listing.usable:
            raise WrongUse(
                where=listing.source,
                what="No row of it could be understood.",
                remedy="The reason stands beside each row.",
            )
        text = _driver_text(listing, driver_id, function, word_order)
        self._parsed(text)
        return text

    def _refuse_taken(self, driver_id: str, *, replace: bool = False) -> None:
        if not re.fullmatch(r"[a-z0-9][a-z0-9_]*", driver_id):
            raise WrongUse(
                where=f"Driver id {driver_id!r}",
                what="An id is made of a-z, 0-9 and _.",
                remedy="As in maker_model.",
            )
        try:
            known = self._library.get(driver_id).info
        except (NotFound, DriverFileError):
            return
        if known.own and replace:
            return
        raise WrongUse(
            where=f"Driver id {driver_id!r}",
            what="There is a driver of this id.",
            remedy="Choose another one; `drivers from-list --replace` makes one of yours anew."
            if known.own
            else "Choose another one.",
        )

    @staticmethod
    def _parsed(text: str) -> DriverProfile:
        from energy_desktop.acquisition.profile_file import parse_profile

        return parse_profile(text, _TEXT, own=True)


def _summary(profile: DriverProfile) -> str:
    """What the driver yields, and what it costs a line."""
    if not profile.registers:
        count = len(profile.layout.quantities)
        return f"{profile.driver_id}: {count} values over {profile.protocol}."
    from energy_desktop.acquisition.planner import plan_blocks

    blocks = plan_blocks(profile)
    registers = sum(block.count for block in blocks)
    slow = sum(r.every > 1 for r in profile.registers)
    words = f"{profile.driver_id}: {len(profile.registers)} values in {len(blocks)} "
    words += "request" if len(blocks) == 1 else "requests"
    words += f" of {registers} registers"
    return f"{words}, {slow} of them read more rarely." if slow else f"{words}."


def _driver_text(listing: RegisterList, driver_id: str, function: int, word_order: str) -> str:
    rows = listing.usable
    known = [row.function for row in rows if row.function is not None]
    open_rows = len(rows) - len(known)
    if not open_rows:
        function = max(set(known), key=known.count)
    width = max(len(row.quantity) for row in rows)
    lines = [
        f"# Made from {_comment(listing.source)}. Check the doubts against the meter, then remove",
        "# them.",
        f'id           = "{driver_id}"',
        'manufacturer = ""',
        f'models       = ["{driver_id}"]',
        f"source       = {_string(f'register list {listing.source}')}",
        'serial   = { baud_rate = 9600, parity = "N", stop_bits = 1 }',
        f'defaults = {{ function = {function}, word_order = "{word_order}" }}',
        "doubts = [",
        *(f"    {_string(decision)}," for decision in listing.decisions),
        *(
            [f'    "function {function} is taken where the list does not say",']
            if open_rows
            else []
        ),
        f'    "word order {word_order} is taken for granted",',
        "]",
        "",
        "[quantities]",
        *(f"{row.quantity:<{width}} = {_entry(row, function)}" for row in rows),
    ]
    if listing.refused:
        lines += ["", "# Left out:"]
        lines += [
            f"# line {row.number}, {_comment(row.name)}: {_comment(row.error)}"
            for row in listing.refused
        ]
    return "\n".join(lines) + "\n"


def _entry(row: ListedRegister, function: int) -> str:
    parts = [f"address = {row.address:#06x}", f'format = "{row.value_format}"']
    if row.function not in (None, function):
        parts.append(f"function = {row.function}")
    if row.scale != 1.0:
        parts.append(f"scale = {row.scale:.12g}")
    if QUANTITIES[row.quantity].is_counter:
        parts += ["counter = true", f"every = {_SLOW}"]
    if row.remark:
        parts.append(f"doubt = {_string(row.remark)}")
    return "{ " + ", ".join(parts) + " }"


def _comment(text: str) -> str:
    """One line without control characters, which TOML allows nowhere."""
    return "".join(c if c.isprintable() else " " for c in text)


def _string(text: str) -> str:
    return '"' + _comment(text).replace("\\", "\\\\").replace('"', '\\"') + '"'


def _write(path: Path, text: str) -> None:
    """Whole or not at all. Raises UserFacingError when the folder cannot be written."""
    from energy_desktop.reports.files import write_bytes

    write_bytes(path, text.encode())
