"""Virtual environments that snippets run in: never the trainer's, each built by one command from a lock file."""

from rlaif.execution.environments.spec import SPECS, EnvironmentSpec

__all__ = ["SPECS", "EnvironmentSpec"]
