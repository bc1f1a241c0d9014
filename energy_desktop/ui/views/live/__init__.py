"""The live page: what a circuit is doing this second."""
