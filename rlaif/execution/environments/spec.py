"""The environments that there are: what is in each, and what each costs."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

_LOCKS = Path(__file__).with_name("locks")


@dataclass(frozen=True)
class EnvironmentSpec:
    """One environment."""

    name: str
    lock: Path | None
    """A file of exact pins, the whole closure; None for the standard library alone, which needs no building."""
    preload: tuple[str, ...] = ()
    """Modules that a sandbox imports once, before it forks a child per snippet. None of them may start a thread."""
    size_mb: int = 0
    """On disk, in MB; measured."""
    minutes: float = 0.0
    """To build it on two cores with a fast registry; measured."""
    builds_itself: bool = False
    """Whether a run that finds it missing builds it without being asked."""

    @property
    def digest(self) -> str:
        """Of the lock file: an environment with other pins is another environment."""
        return hashlib.sha256(b"" if self.lock is None else self.lock.read_bytes()).hexdigest()[:12]


SPECS = {
    spec.name: spec
    for spec in (
        EnvironmentSpec(name="stdlib", lock=None),
        EnvironmentSpec(
            name="torchhub",
            lock=_LOCKS / "torchhub.txt",
            preload=("torch", "torch.hub"),
            builds_itself=True,
        ),
        EnvironmentSpec(
            name="hf2023",
            lock=_LOCKS / "hf2023.txt",
            preload=("torch", "torch._dynamo", "sympy", "transformers", "transformers.pipelines"),
        ),
        EnvironmentSpec(
            name="tf2023",
            lock=_LOCKS / "tf2023.txt",
            preload=("tensorflow", "tensorflow_hub"),
        ),
    )
}
"""By name."""
