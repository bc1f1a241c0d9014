"""Which parts a result must have, by the state of its run.

A result is a folder of parts. One part less reads as a smaller fleet, and a result that a run
rightly has not, as a forecast of too few days, reads as one that was lost. The state says what was
made, so the one is told from the other before anybody takes figures away.
"""

from __future__ import annotations

from energy_desktop.fleet.manifest import Manifest

EXPORTED = (
    "households", "days", "week", "anomalies", "hybrid", "lightgbm", "regression", "trends",
    "dropped", "clean",
)  # fmt: skip
"""Results that leave the program."""

_REFUSING = {
    "regression": ("regression", "all"),
    "lightgbm": ("lightgbm", "all"),
    "hybrid": ("anomalies", "hybrid"),
}
"""Result -> stage and chunk that may say why there is none."""


def place_of(name: str) -> str:
    """The file or the folder of a result."""
    return f"{name}.parquet" if name in ("households", "trends") else name


def parts_of(manifest: Manifest, name: str) -> tuple[str, ...]:
    """Where a result of a finished run lies, below its folder; (): the run rightly has none."""
    if place_of(name) != name:
        return (place_of(name),)
    if name == "dropped":
        return _parts_of_dropped(manifest)
    if why_none(manifest, name):
        return ()
    return tuple(
        f"{name}/part-{int(k):04d}.parquet"
        for k, about in manifest.done("daily").items()
        if about["households"]
    )


def why_none(manifest: Manifest, name: str) -> str:
    """What the stage of a result says when it could make none, in a sentence; "" when it could."""
    stage, chunk = _REFUSING.get(name, (name, ""))
    return str(manifest.done(stage).get(chunk, {}).get("refused", ""))


def _parts_of_dropped(manifest: Manifest) -> tuple[str, ...]:
    """A stage lists rows only where it has left some out."""
    at_once = (
        f"dropped/ingest-{chunk}.parquet"
        for chunk, about in manifest.done("ingest").items()
        if any(counts["dropped"] for counts in about["files"].values())
    )
    later = (
        f"dropped/daily-{k}.parquet"
        for k, about in manifest.done("daily").items()
        if about["dropped"]
    )
    return (*at_once, *later)
