"""SunSpec devices made up from the published models, as registers."""

import json
import random
import struct

from tests.support.register_server import words_of
from tests.support.shared_data import shared_data

MARKER = b"SunS"
END = b"\xff\xff\x00\x00"

CODES = {
    "int16": ("h", 0x8000), "uint16": ("H", 0xFFFF), "enum16": ("H", 0xFFFF),
    "bitfield16": ("H", 0xFFFF), "sunssf": ("h", 0x8000), "pad": ("H", 0x8000),
    "int32": ("i", 0x8000_0000), "uint32": ("I", 0xFFFF_FFFF), "acc32": ("I", 0),
    "bitfield32": ("I", 0xFFFF_FFFF), "uint64": ("Q", 0xFFFF_FFFF_FFFF_FFFF),
    "acc64": ("Q", 0), "float32": ("f", 0x7FC0_0000),
}  # fmt: skip


def points_of(model_id: int) -> list[dict]:
    path = shared_data("sunspec-models") / f"model_{model_id}.json"
    return json.loads(path.read_text())["group"]["points"]


def packed(point: dict, value: float | None) -> bytes:
    """None: the code for "not implemented"."""
    if point["type"] == "string":
        return str(value or "").encode().ljust(2 * point["size"], b"\0")
    code, missing = CODES[point["type"]]
    if value is None:
        return missing.to_bytes(2 * point["size"], "big")
    return struct.pack(">" + code, value)


def a_model(model_id: int, **values: float | str | None) -> bytes:
    """A model with those raw values, by the names of its points; the others not implemented."""
    points = points_of(model_id)
    length = sum(point["size"] for point in points) - 2
    given = {"ID": model_id, "L": length} | values
    return b"".join(packed(point, given.get(point["name"])) for point in points)


def a_full_model(model_id: int, seed: int) -> bytes:
    """Every point with a plausible value, scale factors among them."""
    chance = random.Random(seed * 1000 + model_id)
    values: dict[str, float] = {}
    for point in points_of(model_id):
        kind, name = point["type"], point["name"]
        if name in ("ID", "L") or kind in ("string", "pad"):
            continue
        if kind == "sunssf":
            values[name] = chance.randint(-3, -1)
        elif kind == "float32":
            values[name] = struct.unpack(">f", struct.pack(">f", chance.uniform(0.1, 0.9)))[0]
        elif kind == "int16" and name.startswith(("W", "VAR", "Var")):
            values[name] = chance.randint(-90, 90)
        elif name.startswith("PF"):
            values[name] = chance.randint(1, 9)
        else:
            values[name] = chance.randint(1, 99)
    return a_model(model_id, **values)


def a_common(**values: str) -> bytes:
    names = {"Mn": "Maker", "Md": "Model 7", "Vr": "1.2", "SN": "SN-42"} | values
    return a_model(1, **names)


def chain(*models: bytes, base: int = 40_000, end: bytes = END) -> dict[int, int]:
    return words_of(MARKER + b"".join(models) + end, base)
