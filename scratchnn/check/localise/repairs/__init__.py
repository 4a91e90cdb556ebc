"""Edits of statements, and trying them until one makes everything right."""
