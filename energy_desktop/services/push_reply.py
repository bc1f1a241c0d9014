"""What a request of a sensor is answered: one shape for what was stored and for every refusal."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from energy_desktop.domain.clock import iso_utc
from energy_desktop.domain.push import PushOutcome
from energy_desktop.services.push_body import FIELD_NAMES, BodyRefused

_MOST_REMARKS = 20


@dataclass(frozen=True, slots=True)
class PushReply:
    """status: of HTTP. document: what the body says, ready for JSON."""

    status: int
    document: dict[str, Any]
    retry_after_s: int | None = None


def error_document(where: str, what: str, remedy: str, **more: Any) -> dict[str, Any]:
    return {
        "status": "error",
        "message": f"{what} {remedy}".strip(),
        "error": {"where": where, "what": what, "remedy": remedy, **more},
    }


def refused(status: int, where: str, what: str, remedy: str, **more: Any) -> PushReply:
    return PushReply(status, error_document(where, what, remedy, **more))


def reply_to(
    outcomes: Mapping[int, PushOutcome],
    turned_away: Mapping[int, BodyRefused],
    received_ms: int,
) -> PushReply:
    """outcomes, turned_away: what became of the readings, by their place in the request; together
    all of them."""
    if not outcomes:
        first = turned_away[0]
        where = "This reading" if len(turned_away) == 1 else "The readings"
        reply = refused(422, where, _capital(first.what), first.remedy)
        if len(turned_away) > 1:
            reply.document["refused"] = _refusals(turned_away)
        return reply
    doubles = [index for index, outcome in outcomes.items() if outcome.duplicate]
    stored = [index for index, outcome in outcomes.items() if not outcome.duplicate]
    remarks = list(dict.fromkeys(_remarks(outcomes.values())))[:_MOST_REMARKS]
    words = [f"{len(stored)} {'reading' if len(stored) == 1 else 'readings'} stored"]
    if doubles:
        words.append(f"{len(doubles)} known already")
    if turned_away:
        words.append(f"{len(turned_away)} refused")
    document: dict[str, Any] = {
        "status": "partial" if turned_away else "success",
        "message": ", ".join(words) + ".",
        "accepted": len(stored),
        "duplicates": len(doubles),
        "received_at_utc": iso_utc(received_ms),
        "remarks": remarks,
    }
    if turned_away:
        document["accepted_at"] = stored
        document["duplicates_at"] = doubles
        document["refused"] = _refusals(turned_away)
    return PushReply(200, document)


def _refusals(turned_away: Mapping[int, BodyRefused]) -> list[dict[str, Any]]:
    return [
        {"index": index, "what": _capital(why.what), "remedy": why.remedy}
        for index, why in sorted(turned_away.items())
    ]


def _remarks(outcomes: Iterable[PushOutcome]) -> Iterable[str]:
    for outcome in outcomes:
        for name in outcome.unused:
            yield f"{name} is not used: the meter's driver does not know it."
        for r in outcome.set_aside:
            yield f"{r.quantity} {r.value:g} was set aside for review: {r.reason}."


def _capital(sentence: str) -> str:
    """Names of fields stay as they are sent."""
    first = sentence.split(" ", 1)[0].rstrip(",")
    return sentence if first in FIELD_NAMES else sentence[:1].upper() + sentence[1:]
