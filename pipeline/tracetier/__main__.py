"""``python -m tracetier`` is the command line."""

from tracetier.cli import main

if __name__ == "__main__":
    main()
