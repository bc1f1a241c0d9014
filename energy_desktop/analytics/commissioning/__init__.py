"""Whether a meter that answers is also right: its wiring, its units, its driver."""
