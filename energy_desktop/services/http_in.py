"""HTTP in as a person manages it: is it on, who has a key, who posts without a meter."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from energy_desktop.domain.ports import ConfigurationStore
from energy_desktop.domain.push import ApiKey, Unclaimed
from energy_desktop.domain.site import LinkKind
from energy_desktop.services.api_keys import ApiKeyService, NewKey


@dataclass(frozen=True, slots=True)
class HttpInState:
    """listens_on: "127.0.0.1:8765", or empty. trouble: why it does not, though it is wanted."""

    wanted: bool
    listens_on: str = ""
    trouble: str = ""


@dataclass(frozen=True, slots=True)
class KeyListing:
    """A key and the meters that it writes to, by name."""

    key: ApiKey
    meters: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class HttpInPicture:
    """state None: no engine runs in this program. unclaimed: posted, but no meter takes it."""

    state: HttpInState | None
    keys: tuple[KeyListing, ...]
    unclaimed: tuple[Unclaimed, ...] = ()


class HttpInService:
    """state, unclaimed: of the engine in this program; None: there is none."""

    def __init__(
        self,
        store: ConfigurationStore,
        keys: ApiKeyService,
        state: Callable[[], HttpInState] | None = None,
        unclaimed: Callable[[], tuple[Unclaimed, ...]] | None = None,
    ) -> None:
        self._store = store
        self._keys = keys
        self._state = state
        self._unclaimed = unclaimed

    def load(self) -> HttpInPicture:
        """Active keys first, then revoked ones."""
        configuration = self._store.load()
        links = {k.link_id for k in configuration.links if k.kind is LinkKind.HTTP_PUSH}
        pushed = [m for m in configuration.meters if m.link_id in links]
        rows = [
            KeyListing(
                key,
                tuple(
                    m.name
                    for m in pushed
                    if key.is_active and m.address.partition("/")[0] == key.name
                ),
            )
            for key in self._keys.all()
        ]
        return HttpInPicture(
            None if self._state is None else self._state(),
            tuple(sorted(rows, key=lambda row: not row.key.is_active)),
            () if self._unclaimed is None else self._unclaimed(),
        )

    def make(self, name: str) -> NewKey:
        """Raises WrongUse."""
        return self._keys.make(name)

    def revoke(self, name_or_id: str) -> ApiKey:
        """Raises NotFound."""
        return self._keys.revoke(name_or_id)
