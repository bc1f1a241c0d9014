"""The parts around a page: top bar, alarm strip, rail, page header, status bar.

Each is given frozen facts and tells by a signal what was asked of it; none knows a service.
"""
