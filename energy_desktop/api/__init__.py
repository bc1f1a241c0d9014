"""HTTP in: sensors post their readings here. A second door beside the window, same services."""
