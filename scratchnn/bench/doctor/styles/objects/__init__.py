"""Classes with attributes, batch first."""
