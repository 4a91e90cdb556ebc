"""A student's source: its statements, what is in scope, and running it plain, tapped or straight."""
