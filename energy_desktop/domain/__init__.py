"""The nouns of the product: standard library only, known by every other package."""
