"""Which meter a telegram belongs to: by its address, or as the only one that is there."""

from collections.abc import Iterable

from energy_desktop.acquisition.telegrams.telegram import Telegram


def plain(identity: str) -> str:
    """An identity without the blanks and signs in which printed ones differ."""
    return "".join(letter for letter in identity.casefold() if letter.isalnum())


def is_from(telegram: Telegram, address: str) -> bool:
    """Whether the telegram names this address, in any of its writings."""
    wanted = plain(address)
    return any(plain(name) == wanted for name in (telegram.identity, *telegram.aliases))


def receivers(telegram: Telegram, addresses: Iterable[tuple[str, str]]) -> tuple[str, ...]:
    """addresses: (meter id, address). Those who are named; else those who name no address."""
    pairs = list(addresses)
    named = tuple(meter_id for meter_id, address in pairs if address and is_from(telegram, address))
    return named or tuple(meter_id for meter_id, address in pairs if not address)
