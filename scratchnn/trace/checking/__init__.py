"""Independent checks: the true value of every gradient, by complex steps through the forward pass."""
