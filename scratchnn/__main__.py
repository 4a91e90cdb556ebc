"""``python -m scratchnn`` is the command line."""

from scratchnn.cli import main

if __name__ == "__main__":
    main()
