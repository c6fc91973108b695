"""Networks by name, and what computes them."""
