"""Everything below ui/ imports, and domain/ without a single installed package, where Qt is not."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]

IMPORT_ALL = """
import importlib, pkgutil, sys

class Refuse:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in {blocked}:
            raise ImportError(name + " must not be needed here")

sys.meta_path.insert(0, Refuse())
import energy_desktop
count = 0
for layer in {layers}:
    package = importlib.import_module("energy_desktop." + layer)
    for found in pkgutil.walk_packages(package.__path__, package.__name__ + "."):
        importlib.import_module(found.name)
        count += 1
print(count)
"""


def import_all(layers: list[str], blocked: set[str]) -> int:
    program = IMPORT_ALL.format(layers=layers, blocked=blocked)
    ended = subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        text=True,
        timeout=60,
        cwd=ROOT,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr
    return int(ended.stdout)


def test_everything_below_ui_imports_without_qt():
    layers = ["domain", "acquisition", "storage", "analytics", "reports", "services"]

    assert import_all(layers, {"PySide6", "pyqtgraph", "shiboken6", "qtawesome"}) > 100


@pytest.mark.parametrize("package", ["numpy", "pandas", "sqlalchemy", "pymodbus", "scipy"])
def test_domain_is_the_standard_library(package):
    assert import_all(["domain"], {package, "PySide6"}) > 15


def test_the_window_paints_before_heavy_libraries_are_loaded():
    program = (
        "import sys\n"
        "import energy_desktop.app.desktop\n"
        "heavy = {'pandas', 'sklearn', 'reportlab', 'lightgbm', 'scipy', 'pyarrow', 'highspy',"
        " 'pyqtgraph', 'sqlalchemy', 'pymodbus'}\n"
        "print(sorted(heavy & set(sys.modules)))\n"
    )
    ended = subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        text=True,
        timeout=60,
        cwd=ROOT,
        check=True,
    )

    assert ended.stdout.strip() == "[]"


def test_a_command_starts_without_what_only_others_need():
    code = (
        "import sys, energy_desktop.app.commands.root\n"
        "heavy = {'sqlalchemy', 'pandas', 'sklearn', 'fastapi', 'ibis', 'duckdb', 'reportlab',"
        " 'pymodbus', 'keyring', 'cryptography', 'PySide6'}\n"
        "print(sorted(heavy & set(sys.modules)))"
    )

    ended = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True
    )

    assert ended.stdout.strip() == "[]"
