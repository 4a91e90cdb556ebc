"""The exercises, one file each; a file that defines EXERCISE is found by itself."""
