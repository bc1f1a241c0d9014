"""The command line: all that the window can do, for rooms without a screen and for scripts."""
