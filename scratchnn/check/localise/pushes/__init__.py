"""Pushing what statements write: which of them alone can make every gradient right."""
