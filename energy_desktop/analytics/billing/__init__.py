"""Energy outside contract hours, and its price."""
