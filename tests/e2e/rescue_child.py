"""Opens the real window on a damaged site, restores as a person does, then tells what it saw.

    python -m tests.e2e.rescue_child SITE_FOLDER (starting | settings | anew) [PICTURES_FOLDER]

starting: the store does not open. settings: it opens, and the check in Settings finds the harm.
anew: it is gone, and an empty one is asked for.
Prints one JSON object.
"""

import json
import sys
from pathlib import Path

from PySide6.QtCore import QEvent
from PySide6.QtWidgets import QApplication

from energy_desktop.app.desktop import Desktop
from energy_desktop.app.paths import SiteFolder
from tests.e2e.window_child import Watcher, wait


def main() -> None:
    folder, door = Path(sys.argv[1]), sys.argv[2]
    app = QApplication([])
    desktop = Desktop(app, SiteFolder(folder))
    desktop.show()
    window = desktop.window
    if door == "settings":
        assert wait(app, lambda: desktop.engine is not None, 60), str(desktop.failure)
        window.show_page("settings")
        wait(app, lambda: not desktop.context.jobs.running(), 30)
        facts = window.current_view.facts
        facts.check_damage()
        assert wait(app, lambda: facts.restore_button.isVisible(), 30), facts.damage.text
        found = facts.damage.text
        facts.restore_button.click()
    else:
        assert wait(app, lambda: desktop.failure is not None, 60), "the harm was not noticed"
        found = str(desktop.failure)
    watcher = Watcher()

    assert wait(app, lambda: _offers(window.current_view), 60), "no backup was offered"
    page = window.current_view
    said = f"{page.search.text()} {page.since.text()}"
    if len(sys.argv) > 3:
        window.grab().save(str(Path(sys.argv[3]) / f"rescue-{door}.png"))
    (page.open_button if door == "anew" else page.restore_button).click()
    assert wait(app, lambda: desktop.engine is not None, 60), str(desktop.failure)
    before = desktop.engine.rings.version()
    if door != "anew":
        wait(app, lambda: desktop.engine.rings.version() > before + 3, 20)
    gaps = sorted(watcher.gaps_ms) or [0.0]
    engine = desktop.engine
    told = {
        "found": found,
        "said": said,
        "answering": sum(s.failures == 0 for s in engine.field.statuses().values()),
        "polled": engine.rings.version() - before,
        "sound": engine.store.find_damage() == (),
        "gap_max_ms": gaps[-1],
        "page_failures": {k: str(v) for k, v in window.failures.items()},
    }
    window.close()
    app.sendPostedEvents(None, QEvent.Type.DeferredDelete)
    print(json.dumps(told))


def _offers(view: object) -> bool:
    button = getattr(view, "restore_button", None)
    return button is not None and button.isEnabled() and hasattr(view, "open_button")


if __name__ == "__main__":
    main()
