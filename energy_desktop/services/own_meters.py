"""The meter that is meant where readings of its own are asked for.

A virtual meter answers like one wherever energy is read, but nothing was ever measured at it: it
has no gaps, no register and nothing to correct. Whoever asks for these is sent to the meters that
it is made of.
"""

from __future__ import annotations

from energy_desktop.domain.configuration import Configuration
from energy_desktop.domain.errors import NotFound, WrongUse
from energy_desktop.domain.site import VIRTUAL, Meter


def own_meter(configuration: Configuration, meter_id: str) -> Meter:
    """Raises NotFound, and WrongUse for a virtual meter."""
    found = configuration.meter(meter_id)
    if found is not None:
        return found
    if not meter_id.startswith(VIRTUAL):
        raise NotFound(
            where=f"Meter {meter_id}",
            what="The site has no such meter.",
            remedy="`energy-desktop meters` lists those it has.",
        )
    virtual = configuration.virtual_meter(meter_id)
    if virtual is None:
        known = ", ".join(v.meter_id for v in configuration.virtual_meters) or "none yet"
        raise NotFound(
            where=meter_id,
            what="The site has no such virtual meter.",
            remedy=f"It has: {known}.",
        )
    terms = ", ".join(dict.fromkeys(term for term, _ in virtual.terms))
    raise WrongUse(
        where=f"{virtual.name} ({meter_id})",
        what=f"It is computed ({virtual.formula}): nothing is measured at it, so nothing of it "
        "can be missing, corrected or exchanged.",
        remedy=f"Name one of the meters that it is made of: {terms}.",
    )
