"""Readings that sensors send by themselves, and the keys with which they do.

A pushed reading names its values as the sensor does (`energy_consumed`); which quantity that is,
and in what unit, says the driver of its meter, as for every other link.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from energy_desktop.domain.snapshot import Rejected


@dataclass(frozen=True, slots=True)
class ApiKey:
    """A key without its secret: that is shown once, when the key is made, and kept nowhere.

    name: what meters are addressed by (`Meter.address` is the name, or name/facility).
    """

    key_id: str
    name: str
    made_at_ms: int
    revoked_at_ms: int | None = None
    last_used_ms: int | None = None

    @property
    def is_active(self) -> bool:
        return self.revoked_at_ms is None


@dataclass(frozen=True, slots=True)
class PushedReading:
    """values: by the name that the sensor uses, in its units. read_at_ms: UTC epoch ms.

    own_time: the sensor said when; else it is when the request came.
    """

    meter_id: str
    read_at_ms: int
    values: Mapping[str, float]
    own_time: bool = True


@dataclass(frozen=True, slots=True)
class PushOutcome:
    """What became of a pushed reading.

    refused: why it was not taken; empty: it was. duplicate: the very same reading came before.
    unused: names that the driver does not know. set_aside: values kept for review only;
    set_aside_names: what the body called them.
    """

    refused: str = ""
    remedy: str = ""
    duplicate: bool = False
    unused: tuple[str, ...] = ()
    set_aside: tuple[Rejected, ...] = ()
    set_aside_names: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class PushAnswer:
    """What a request with an idempotency key was answered. status 0: it was not finished.

    received_at_ms: when it first came; readings without a time of their own bear it, in the
    first try and in every repetition.
    """

    digest: str
    received_at_ms: int
    status: int = 0
    body: str = ""


@dataclass(frozen=True, slots=True)
class Unclaimed:
    """Readings for which the site has no meter yet: a proposal to make one."""

    address: str
    times: int
    last_ms: int
    fields: tuple[str, ...] = field(default=())
