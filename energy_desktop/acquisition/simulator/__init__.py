"""A virtual site that answers as real meters on real wires."""
