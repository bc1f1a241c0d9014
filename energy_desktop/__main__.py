"""`python -m energy_desktop`."""

from energy_desktop.app.main import main

if __name__ == "__main__":
    main()
