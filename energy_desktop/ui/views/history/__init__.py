"""The page on the past: when energy was used, what changed, and how far that can be trusted."""
