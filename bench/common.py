"""What every benchmark gives back: a figure, its goal, and the peer it was held against."""

from dataclasses import dataclass
from pathlib import Path

from energy_desktop.domain.quantities import QUANTITIES


@dataclass(frozen=True, slots=True)
class Row:
    """`met` None: a figure without a goal."""

    name: str
    value: float
    unit: str
    goal: str
    met: bool | None
    peer: str = ""
    note: str = ""


def line(row: Row) -> str:
    """A row as one line of the terminal."""
    verdict = {True: "met", False: "MISSED", None: ""}[row.met]
    parts = [f"{row.name}: {row.value:,.4g} {row.unit}".rstrip()]
    parts += [f"goal {row.goal}"] if row.goal else []
    parts += [verdict] if verdict else []
    parts += [f"peer: {row.peer}"] if row.peer else []
    parts += [row.note] if row.note else []
    return " | ".join(parts)


def write_driver(path: Path, registers: int) -> None:
    """A meter model `bench`: float32 values in one block of so many registers from 0 on."""
    names = [row.name for row in QUANTITIES.values() if not row.name.startswith("soc")]
    lines = [f"{name} = {{ address = {2 * i} }}" for i, name in enumerate(names[: registers // 2])]
    path.write_text('id = "bench"\n[quantities]\n' + "\n".join(lines), encoding="utf-8")
