"""The SunSpec models that carry measurements, as pysunspec2's own definitions give them.

The definitions are data of that package (JSON, Apache-2.0): points in register order with type,
size and the name of their scale factor. They are read rather than copied, so that a correction of
a model arrives with the package.
"""

import json
from dataclasses import dataclass
from functools import cache
from importlib import resources

COMMON = 1
INVERTERS = (101, 102, 103, 111, 112, 113, 701)
METERS = (201, 202, 203, 204, 211, 212, 213, 214)
STORAGES = (124, 713, 802)
END = 0xFFFF

_FORMATS = {
    "int16": ("int16", (0x8000,)),
    "uint16": ("uint16", (0xFFFF,)),
    "enum16": ("uint16", (0xFFFF,)),
    "sunssf": ("int16", (0x8000,)),
    "int32": ("int32", (0x8000_0000,)),
    "uint32": ("uint32", (0xFFFF_FFFF,)),
    "int64": ("int64", (0x8000_0000_0000_0000,)),
    "uint64": ("uint64", (0xFFFF_FFFF_FFFF_FFFF,)),
    "acc16": ("uint16", (0,)),
    "acc32": ("uint32", (0,)),
    "acc64": ("uint64", (0,)),
    "float32": ("float32", ()),  # not implemented is NaN, which needs no pattern
    "float64": ("float64", ()),
}
"""SunSpec type -> our format and what says "not implemented" (SunSpec information model spec)."""


@dataclass(frozen=True, slots=True)
class ModelPoint:
    """offset: registers from the model's ID. scale: name of the scale factor's point, or empty.

    value_format, unavailable: as in a driver's register; empty for texts and the like.
    """

    name: str
    offset: int
    size: int
    units: str
    scale: str
    mandatory: bool
    value_format: str
    unavailable: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Model:
    """The fixed points of a model, by name. length: registers with ID and L."""

    model_id: int
    label: str
    points: dict[str, ModelPoint]
    length: int


@cache
def definition(model_id: int) -> Model:
    """Raises FileNotFoundError for a model that the package does not know."""
    file = resources.files("sunspec2").joinpath("models", "json", f"model_{model_id}.json")
    group = json.loads(file.read_text(encoding="utf-8"))["group"]
    points: dict[str, ModelPoint] = {}
    offset = 0
    for entry in group["points"]:
        value_format, unavailable = _FORMATS.get(entry["type"], ("", ()))
        scale = entry.get("sf", "")
        points[entry["name"]] = ModelPoint(
            name=entry["name"],
            offset=offset,
            size=entry["size"],
            units=str(entry.get("units", "")),
            scale=scale.strip() if isinstance(scale, str) else "",
            mandatory=entry.get("mandatory") == "M",
            value_format=value_format,
            unavailable=unavailable,
        )
        offset += entry["size"]
    return Model(model_id, group.get("label", group["name"]), points, offset)
