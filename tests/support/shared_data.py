"""Where the real measurements lie: beside the checkout, in `../shared/data`."""

import os
from pathlib import Path

import pytest

_ROOT = Path(__file__).resolve().parents[2]


def shared_folder() -> Path:
    """The data folder; ENERGY_DESKTOP_SHARED_DATA names another one."""
    return Path(os.environ.get("ENERGY_DESKTOP_SHARED_DATA", _ROOT.parent / "shared" / "data"))


def shared_data(name: str) -> Path:
    """The file or folder `name` of the data set; skips the test where it is absent."""
    path = shared_folder() / name
    if not path.exists():
        pytest.skip(f"real data {name} are not beside this checkout ({path.parent})")
    return path
