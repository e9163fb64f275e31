"""Running generated code that nobody has read: in a sandbox, and with a verdict."""

from rlaif.execution.executor import Executor
from rlaif.execution.levels import Runner, open_runner
from rlaif.execution.verdict import Verdict

__all__ = ["Executor", "Runner", "Verdict", "open_runner"]
