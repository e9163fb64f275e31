"""Environments and offline hubs, each built by one command.

python -m rlaif.execution build torchhub
python -m rlaif.execution hub huggingface --apibench DIR
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from rlaif.data.api_database import read_database
from rlaif.errors import UserError
from rlaif.execution.environments import SPECS, build_environment, environments_directory
from rlaif.execution.surroundings import build_hub

# Of each hub: the environment whose libraries read it, and its database in a copy of APIBench.
HUBS = {
    "torchhub": ("torchhub", "torchhub_api.jsonl"),
    "huggingface": ("hf2023", "huggingface_api.jsonl"),
    "tensorflow": ("tf2023", "tensorflowhub_api.jsonl"),
}


def main(arguments: Sequence[str] | None = None) -> int:
    """The exit status: 1 where something could not be built, said in one line."""
    options = _parser().parse_args(arguments)
    try:
        if options.command == "build":
            for name in options.names:
                built = build_environment(name, options.dir)
                print(f"{name}: {built.interpreter}")
        else:
            _build_hub(options.name, options.apibench, options.dir)
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
    hub = commands.add_parser("hub", help="build an offline hub, in an environment that is built")
    hub.add_argument("name", choices=sorted(HUBS))
    hub.add_argument("--apibench", type=Path, required=True, metavar="DIR", help="a copy of APIBench")
    hub.add_argument("--dir", type=Path, default=Path("runs/shared/assets"), help="default: %(default)s, as runs use")
    return parser


def _build_hub(name: str, apibench: Path, directory: Path) -> None:
    """Build one, and say what is in it and what could not be."""
    environment, file_name = HUBS[name]
    path = next((path for path in (apibench / "api" / file_name, apibench / file_name) if path.is_file()), None)
    if path is None:
        raise UserError(f"{apibench / 'api' / file_name}: no such file; --apibench is the directory of APIBench")
    hub = build_hub(environment, read_database(path)[0], directory)
    print(f"{name}: {hub.num_built} built, {len(hub.failures)} not, in {hub.directory}")
    for failure in hub.failures:
        print(f"  {failure.id}: {failure.reason}")


if __name__ == "__main__":
    sys.exit(main())
