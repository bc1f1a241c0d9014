"""Which loads are drawn together: by what they feed, the largest first, the small ones as one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from energy_desktop.domain.configuration import Configuration
from energy_desktop.domain.overview import OTHERS, LoadGroup
from energy_desktop.domain.site import Meter, Role

if TYPE_CHECKING:
    from energy_desktop.domain.energy import Floats


def top_loads(configuration: Configuration) -> tuple[Meter, ...]:
    """Load meters that are in no other load meter's sum."""
    loads = {m.meter_id for m in configuration.meters if m.role is Role.LOAD}
    return tuple(
        m for m in configuration.meters if m.role is Role.LOAD and m.parent_id not in loads
    )


def load_groups(configuration: Configuration) -> tuple[LoadGroup, ...]:
    """Loads by what they feed; a meter that says nothing of it stands alone."""
    groups: dict[str, list[Meter]] = {}
    for meter in top_loads(configuration):
        groups.setdefault(meter.equipment or f"meter:{meter.meter_id}", []).append(meter)
    made = []
    for key, meters in groups.items():
        if len(meters) == 1:
            made.append(LoadGroup(meters[0].meter_id, meters[0].name, (meters[0].meter_id,)))
        else:
            name = f"{key.replace('_', ' ').capitalize()}, {len(meters)} meters"
            made.append(LoadGroup(key, name, tuple(m.meter_id for m in meters)))
    return tuple(made)


def by_use(groups: Sequence[LoadGroup], energies: Mapping[str, Floats]) -> tuple[LoadGroup, ...]:
    """The largest first, by ten weeks: an order that does not jump with the present power."""

    def used(group: LoadGroup) -> float:
        return sum(float(np.nansum(energies[i])) for i in group.meter_ids if i in energies)

    return tuple(sorted(groups, key=lambda g: -used(g)))


def folded(groups: Sequence[LoadGroup], room: int) -> tuple[LoadGroup, ...]:
    """At most `room` groups: the small ones become one that says how many they are."""
    if len(groups) <= room:
        return tuple(groups)
    kept, rest = groups[: room - 1], groups[room - 1 :]
    meters = tuple(i for g in rest for i in g.meter_ids)
    return (*kept, LoadGroup(OTHERS, f"{len(rest)} smaller loads", meters))
