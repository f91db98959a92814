"""`python -m xrpfast`."""

from __future__ import annotations

import sys


def main() -> None:
    """Runs the command line; says which extra is missing when the engine's parts are not there."""
    try:
        from xrpfast.cli.app import run
    except ModuleNotFoundError as error:
        if error.name is None or error.name.startswith("xrpfast"):
            raise
        sys.stderr.write(f"{error.name} is not installed: pip install 'xrpfast[engine]'\n")
        sys.exit(2)
    sys.exit(run(sys.argv[1:]))


if __name__ == "__main__":
    main()
