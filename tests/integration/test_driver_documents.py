"""What docs/drivers.md shows works as it stands there."""

import re
from pathlib import Path

from energy_desktop.acquisition.profile_file import parse_profile
from energy_desktop.acquisition.register_list import read_list

GUIDE = Path(__file__).resolve().parents[2] / "docs" / "drivers.md"


def blocks() -> list[str]:
    """The indented examples, without their indent."""
    text = GUIDE.read_text(encoding="utf-8")
    found = re.findall(r"(?:^    .*\n|^\n(?=    ))+", text, flags=re.MULTILINE)
    return ["\n".join(line[4:] for line in block.splitlines()) for block in found]


def test_each_driver_in_the_guide_loads():
    texts = [block for block in blocks() if re.search(r"(?m)^id\s+=", block)]

    profiles = [parse_profile(text, "the guide") for text in texts]

    assert [profile.protocol for profile in profiles] == ["modbus", "mqtt"]
    assert all(profile.layout.quantities for profile in profiles)


def test_the_list_in_the_guide_is_understood(tmp_path):
    rows = re.findall(r"(?m)^\s+\|(.*)\|$", GUIDE.read_text(encoding="utf-8"))
    cells = [[cell.strip() for cell in row.split("|")] for row in rows]
    path = tmp_path / "list.csv"
    path.write_text("\n".join(";".join(row) for row in cells if "---" not in row))

    listing = read_list(path)

    assert listing.refused == ()
    assert [(r.quantity, r.address) for r in listing.usable] == [
        ("voltage_l1_v", 0), ("power_w", 12), ("energy_import_wh", 72),
    ]  # fmt: skip
