"""Virtual environments that snippets run in: never the trainer's, each built by one command from a lock file."""

from rlaif.execution.environments.build import build_environment
from rlaif.execution.environments.find import Installation, environments_directory, find_environment
from rlaif.execution.environments.spec import SPECS, EnvironmentSpec

__all__ = [
    "SPECS",
    "EnvironmentSpec",
    "Installation",
    "build_environment",
    "environments_directory",
    "find_environment",
]
