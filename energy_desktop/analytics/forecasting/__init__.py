"""Load ahead, with honest intervals."""
