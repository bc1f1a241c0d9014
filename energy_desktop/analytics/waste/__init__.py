"""Light left on after the cleaning round."""
