"""The way of a file of readings into the ledger: chosen, read, seen, then stored."""
