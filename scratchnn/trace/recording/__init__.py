"""From a run on the tape to a trace: what is run, and how its records become events."""
