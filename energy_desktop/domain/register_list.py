"""A maker's list of registers, as it was read from a table: what was understood, what was not."""

from dataclasses import dataclass

WIRE = "wire"  # 0-based, as sent
ONE_BASED = "one"  # counted from 1
MANUAL = "manual"  # 30001 and 40001, or 300001 and 400001: function and 1-based number in one
NUMBERINGS = (WIRE, ONE_BASED, MANUAL)


@dataclass(frozen=True, slots=True)
class ListedRegister:
    """A row of the list. error: why it gives no register; empty: it does.

    number: its line in the file, from 1. address: 0-based, as sent on the wire; None: not known.
    function: None where the list does not say. scale: from the raw value to the quantity's unit,
    with the list's own factor and unit in it. remark: what was taken for granted.
    """

    number: int
    name: str
    address: int | None = None
    function: int | None = None
    value_format: str = ""
    scale: float = 1.0
    quantity: str = ""
    unit: str = ""  # of the quantity
    error: str = ""
    remark: str = ""


@dataclass(frozen=True, slots=True)
class RegisterList:
    """columns: what each was taken for -> its heading. numbering: one of NUMBERINGS.

    decisions: how the list was understood, in sentences, for a person to agree with.
    """

    source: str
    columns: tuple[tuple[str, str], ...]
    numbering: str
    decisions: tuple[str, ...]
    rows: tuple[ListedRegister, ...]

    @property
    def usable(self) -> tuple[ListedRegister, ...]:
        return tuple(row for row in self.rows if not row.error)

    @property
    def refused(self) -> tuple[ListedRegister, ...]:
        return tuple(row for row in self.rows if row.error)
