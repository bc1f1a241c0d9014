"""What a client used outside the contract hours, and what it costs."""
