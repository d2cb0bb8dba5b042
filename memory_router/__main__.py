"""Run the command line: `python -m memory_router`."""

from memory_router.interfaces.cli import main

if __name__ == "__main__":
    main()
