"""Pictures of every page, light and dark, at both design sizes, to docs/screenshots/.

    python scripts/make_screenshots.py [--site FOLDER] [--out FOLDER]

The real program on the demo site, drawn into memory. PNGs with a palette stay small.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from energy_desktop.ui.views.balance.page import BalanceView

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

SIZES = ((1366, 768), (1920, 1080))
WARM_UP_S = 45.0  # live curves and the running quarter hour want something to show
LARGEST_BYTES = 400_000


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--site", type=Path, default=None)
    parser.add_argument("--out", type=Path, default=Path("docs/screenshots"))
    parser.add_argument("--only", nargs="+", default=None)
    asked = parser.parse_args()
    if asked.site is not None:
        return render(asked.site, asked.out, asked.only)
    with tempfile.TemporaryDirectory(prefix="screenshots-") as folder:
        return render(Path(folder) / "site", asked.out, asked.only)


def render(site: Path, out: Path, only: list[str] | None) -> int:
    from PySide6.QtWidgets import QApplication

    from energy_desktop.app.desktop import Desktop
    from energy_desktop.app.paths import SiteFolder
    from energy_desktop.ui.views.balance.page import SUMS, BalanceView

    app = QApplication.instance() or QApplication(sys.argv[:1])
    if not isinstance(app, QApplication):
        raise TypeError("another kind of Qt application is already running")
    desktop = Desktop(app, SiteFolder(site), demo=True, theme_name="light")
    desktop.show()

    def run_until(met: Callable[[], bool], limit_s: float) -> None:
        ends = time.monotonic() + limit_s
        while not met() and time.monotonic() < ends:
            app.processEvents()
            time.sleep(0.005)

    def idle() -> bool:
        return not desktop.context.jobs.running()

    run_until(lambda: desktop.engine is not None or desktop.failure is not None, 120)
    if desktop.failure is not None:
        print(desktop.failure, file=sys.stderr)
        desktop.window.close()
        return 3
    if desktop.engine is not None and desktop.engine.demo is not None:
        # Alarms want a cause: the mains too high, and a meter that fell silent.
        desktop.engine.demo.site.set_voltage_mode("high_critical")
        desktop.engine.demo.site.set_lost("dishwasher", True)
    if only is None or "fleet" in only:
        keep_a_fleet(site)
    run_until(lambda: False, WARM_UP_S)
    out.mkdir(parents=True, exist_ok=True)
    try:
        for theme_name in ("light", "dark"):
            if theme_name == "dark":
                desktop.window.toggle_theme()
            for width, height in SIZES:
                desktop.window.resize(width, height)
                for spec in desktop.window.pages:
                    if only and spec.view_id not in only:
                        continue
                    desktop.window.show_page(spec.view_id)
                    run_until(idle, 90)
                    run_until(lambda: False, 0.7)
                    run_until(idle, 60)
                    save(desktop.window, out / f"{spec.view_id}-{theme_name}-{width}.png")
                    page = desktop.window.view(spec.view_id)
                    if isinstance(page, BalanceView):
                        type_formula(page)
                        run_until(lambda: False, 0.7)
                        run_until(idle, 60)
                        save(desktop.window, out / f"formula-{theme_name}-{width}.png")
                        page.show_look(SUMS)  # where the next size begins
    finally:
        desktop.window.close()
        app.processEvents()
    return 0


def keep_a_fleet(site: Path) -> None:
    """A finished run for the Fleet page, by the command that users take."""
    from simulated_fleet import write

    from energy_desktop.app.paths import SiteFolder

    with tempfile.TemporaryDirectory(prefix="fleet-") as folder:
        files = write(Path(folder) / "simulated")
        results = SiteFolder(site).fleet / "Simulated households"
        command = ["fleet", "run", str(files), "--out", str(results), "--zone", "Europe/London"]
        subprocess.run([sys.executable, "-m", "energy_desktop", *command], check=True)


def type_formula(page: "BalanceView") -> None:
    """A virtual meter that is not saved: the lights of the demo's first floor."""
    from energy_desktop.ui.views.balance.page import FORMULAS

    page.show_look(FORMULAS)
    page.formulas.begin("Lights of the first floor", (("light-1-east", 1.0), ("light-1-west", 1.0)))


def save(window: object, path: Path) -> None:
    """256 colours are enough for a screen of greys, and a tenth of the bytes."""
    from PIL import Image
    from PySide6.QtWidgets import QWidget

    if not isinstance(window, QWidget):
        raise TypeError("a picture needs a window")
    if not window.grab().save(str(path)):
        raise OSError(f"{path} could not be written")
    with Image.open(path) as picture:
        small = picture.convert("RGB").quantize(256, kmeans=1, dither=Image.Dither.NONE)
    small.save(path, optimize=True)
    size = path.stat().st_size
    if size > LARGEST_BYTES:
        raise OSError(f"{path.name} has {size:,} bytes; pictures stay under {LARGEST_BYTES:,}")
    print(f"{path} {size:,} bytes")


if __name__ == "__main__":
    sys.exit(main())
