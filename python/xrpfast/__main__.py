"""`python -m xrpfast`."""

from __future__ import annotations

import signal
import sys


def main() -> None:
    """Runs the command line; says which extra is missing when the engine's parts are not there."""
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, _leave)
    try:
        from xrpfast.cli.app import run
    except ModuleNotFoundError as error:
        if error.name is None or error.name.startswith("xrpfast"):
            raise
        sys.stderr.write(f"{error.name} is not installed: pip install 'xrpfast[engine]'\n")
        sys.exit(2)
    sys.exit(run(sys.argv[1:]))


def _leave(number: int, frame: object) -> None:
    """Ctrl-C is a clean end from the first import on; commands with a loop set their own handler.

    Not a `KeyboardInterrupt`: one that passes through an ``exec`` of text, as many modules do while
    they load, makes Python end by the signal even when it is caught.
    """
    sys.exit(0)


if __name__ == "__main__":
    main()
