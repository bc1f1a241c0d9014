"""The entry of the program, frozen or not.

Without a command the window opens, and nothing but Qt is imported before it paints.
"""

import multiprocessing
import sys


def main() -> None:
    # A frozen program that spawns would open windows without end if this did not come first.
    multiprocessing.freeze_support()
    arguments = sys.argv[1:]
    if arguments in ([], ["window"]):
        from energy_desktop.app.desktop import open_window
        from energy_desktop.app.paths import SiteFolder, default_site_folder

        sys.exit(open_window(SiteFolder(default_site_folder())))
    from energy_desktop.app.commands.root import app

    app(prog_name="energy-desktop")


if __name__ == "__main__":
    main()
