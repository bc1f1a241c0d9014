"""What screens are made of; each shows a frozen value and asks no service."""
