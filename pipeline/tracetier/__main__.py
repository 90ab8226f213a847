"""``python -m tracetier`` is the command line."""

from tracetier.cli.app import main

if __name__ == "__main__":
    main()
