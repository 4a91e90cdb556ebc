"""How often the doctor names a mistake, finds its line, and is silent about right code."""
