"""A matrix for each gate in a dictionary, steps in lists, names of its own."""
