"""What an exercise can ask for, one file per kind."""
