"""Ways to the meter: a class per kind of link."""
