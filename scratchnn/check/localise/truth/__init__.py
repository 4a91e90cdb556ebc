"""What is true of a forward pass, what a backward wrote, and where the two first differ."""
