"""The one place that knows every class and wires them."""
