"""Environments and offline hubs, each built by one command.

    python -m rlaif.execution build torchhub
    python -m rlaif.execution hub huggingface --apibench DIR
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from rlaif.errors import UserError
from rlaif.execution.environments import SPECS, build_environment, environments_directory


def main(arguments: Sequence[str] | None = None) -> int:
    """The exit status: 1 where something could not be built, said in one line."""
    options = _parser().parse_args(arguments)
    try:
        if options.command == "build":
            for name in options.names:
                built = build_environment(name, options.dir)
                print(f"{name}: {built.interpreter}")
    except UserError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m rlaif.execution", description=(__doc__ or "").split("\n")[0])
    commands = parser.add_subparsers(dest="command", required=True)
    build = commands.add_parser("build", help="build environments that snippets run in")
    build.add_argument("names", nargs="+", metavar="NAME", choices=[n for n, s in SPECS.items() if s.lock is not None])
    build.add_argument("--dir", type=Path, default=environments_directory(), help="default: %(default)s")
    return parser


if __name__ == "__main__":
    sys.exit(main())
