"""Single strange hours."""
