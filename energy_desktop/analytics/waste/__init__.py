"""Light left on after the cleaning round, per zone and evening."""
