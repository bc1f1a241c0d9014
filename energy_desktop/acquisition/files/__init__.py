"""Readings, prices and powers from files.

`reading` is the door for readings of meters (the London layouts and general CSV); `prices` and
`power_csv` read what a battery plan is made of.
"""
