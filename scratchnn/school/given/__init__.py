"""What the files of the exercises may import: the parts that are given, so that the rest is yours."""
