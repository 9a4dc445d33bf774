"""Starts the commands: `python -m packages.database --help`."""

from packages.database.commands.cli import main

if __name__ == "__main__":
    main(prog_name="python -m packages.database")
