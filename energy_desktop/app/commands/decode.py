"""`decode`: what recorded bytes of a serial or optical meter say, without a meter or a site."""

from __future__ import annotations

import re
import sys
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from energy_desktop.app.commands.common import (
    FAILED,
    JsonOption,
    complain,
    guarded,
    say,
    to_json,
)
from energy_desktop.domain.clock import iso_utc
from energy_desktop.domain.errors import DataFileError

if TYPE_CHECKING:
    from energy_desktop.acquisition.telegrams import Telegram, TelegramRefused

MAX_FILE_BYTES = 64 * 1024 * 1024


class TelegramProtocol(Enum):
    P1 = "p1"
    D0 = "d0"
    SML = "sml"
    MBUS = "mbus"


def register(app: typer.Typer) -> None:
    app.command()(decode)


@guarded
def decode(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="Recorded bytes; - reads stdin.")],
    protocol: Annotated[TelegramProtocol, typer.Option("--protocol", help="How to read them.")],
    hexadecimal: Annotated[
        bool, typer.Option("--hex", help="The file holds hexadecimal text, not the bytes.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Decode recorded telegrams. With --json one object per telegram, a line each.

    A telegram that cannot be believed is an object with an error, and the exit code is 3.
    """
    from energy_desktop.acquisition.telegrams import Telegram, decode_all

    data = _bytes_of(file, hexadecimal)
    good = bad = 0
    fragments: list[TelegramRefused] = []
    for outcome in decode_all(protocol.value, data):
        if isinstance(outcome, Telegram):
            good += 1
            _print(_as_object(outcome), _as_text(outcome), as_json)
        elif outcome.fragment:
            fragments.append(outcome)
        else:
            bad += 1
            _refused(protocol, outcome, as_json)
    if good:
        # A recording begins and ends when somebody pressed a key: that is no fault of a telegram.
        for fragment in fragments:
            complain(f"{file}: left out at an end of the recording: {fragment.what}")
    else:
        for fragment in fragments:
            bad += 1
            _refused(protocol, fragment, as_json)
    if bad:
        raise typer.Exit(FAILED)
    if not good:
        raise DataFileError(
            where=str(file),
            what=f"it holds no telegram of {protocol.value}.",
            remedy="Check --protocol, and give --hex if the file is hexadecimal text.",
        )


def _bytes_of(file: Path, hexadecimal: bool) -> bytes:
    """Raises DataFileError."""
    try:
        if str(file) == "-":
            data = sys.stdin.buffer.read(MAX_FILE_BYTES + 1)
        else:
            with file.open("rb") as stream:
                data = stream.read(MAX_FILE_BYTES + 1)
    except OSError as error:
        raise DataFileError(
            where=str(file),
            what=f"it cannot be read: {error.strerror or error}.",
            remedy="Check the path and the rights.",
        ) from None
    if len(data) > MAX_FILE_BYTES:
        raise DataFileError(
            where=str(file), what="it is longer than 64 MB.", remedy="Cut it into smaller files."
        )
    if not hexadecimal:
        return data
    text = re.sub(rb"0[xX]|[\s,;:]", b"", data)
    try:
        return bytes.fromhex(text.decode("ascii"))
    except ValueError:
        raise DataFileError(
            where=str(file),
            what="it is not hexadecimal text: two digits 0 to F for each byte.",
            remedy="Leave --hex out if the file holds the bytes themselves.",
        ) from None


def _print(document: dict[str, Any], words: str, as_json: bool) -> None:
    if as_json:
        sys.stdout.write(to_json(document) + "\n")
    else:
        say(None, as_json=False, text=words)


def _refused(protocol: TelegramProtocol, refusal: TelegramRefused, as_json: bool) -> None:
    if as_json:
        document = {
            "protocol": protocol.value,
            "error": refusal.what,
            "kind": refusal.error.value,
            "remedy": refusal.remedy,
        }
        sys.stdout.write(to_json(document) + "\n")
        sys.stdout.flush()
    complain(str(refusal))


def _as_object(telegram: Telegram) -> dict[str, Any]:
    return {
        "protocol": telegram.protocol,
        "identity": telegram.identity,
        "aliases": telegram.aliases,
        "manufacturer": telegram.manufacturer,
        "medium": telegram.medium,
        "time_utc": None if telegram.time_ms is None else iso_utc(telegram.time_ms),
        "checksum": "verified" if telegram.checked else "none",
        "quantities": telegram.values,
        "entries": [
            {
                "code": entry.code,
                "key": entry.key,
                "value": entry.value,
                "unit": entry.unit,
                "text": entry.text,
                "quantity": entry.quantity or None,
            }
            for entry in telegram.entries
        ],
        "remarks": telegram.remarks,
    }


def _as_text(telegram: Telegram) -> str:
    meter = " ".join(w for w in (telegram.manufacturer, telegram.identity, telegram.medium) if w)
    when = "" if telegram.time_ms is None else f"  {iso_utc(telegram.time_ms)}"
    lines = [f"{meter or 'A meter without identity'}{when}"]
    lines += [f"  {name:<30} {value:>16,.3f}" for name, value in telegram.values.items()]
    for entry in telegram.entries:
        number = "" if entry.value is None else f"{entry.value:.12g} {entry.unit}".strip()
        lines.append(f"  {entry.code:<24} {number:<20} {entry.text}".rstrip())
    lines += [f"  ! {remark}" for remark in telegram.remarks]
    return "\n".join(lines)
