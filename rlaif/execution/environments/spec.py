"""The environments that there are: what is in each, and what each costs."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

_LOCKS = Path(__file__).with_name("locks")
_WARM_UP = Path(__file__).with_name("warm_up")


@dataclass(frozen=True)
class EnvironmentSpec:
    """One environment."""

    name: str
    lock: Path | None
    """A file of exact pins, the whole closure; None for the standard library alone, which needs no building."""
    preload: tuple[str, ...] = ()
    """Modules that a sandbox imports once, before it forks a child per snippet. None of them may start a thread."""
    warm_up_paths: tuple[Path, ...] = ()
    """Where those of them lie that are the project's own."""
    removed: tuple[str, ...] = ()
    """Patterns of files, below site-packages, that are taken out again: compiled parts which do not load here."""
    size_mb: int = 0
    """On disk, in MB; measured."""
    minutes: float = 0.0
    """To build it on two cores that do little else."""
    pythons: tuple[str, ...] = ("3.11", "3.12")
    """Versions of Python that the pins are for."""
    builds_itself: bool = False
    """Whether a run that finds it missing builds it without being asked."""

    @property
    def digest(self) -> str:
        """Of the lock file: an environment with other pins is another environment. Empty for stdlib."""
        return "" if self.lock is None else hashlib.sha256(self.lock.read_bytes()).hexdigest()[:12]


SPECS = {
    spec.name: spec
    for spec in (
        EnvironmentSpec(name="stdlib", lock=None),
        EnvironmentSpec(
            name="torchhub",
            lock=_LOCKS / "torchhub.txt",
            preload=("torch", "torch.hub"),
            size_mb=1400,
            minutes=3,
            builds_itself=True,
        ),
        EnvironmentSpec(
            name="hf2023",
            lock=_LOCKS / "hf2023.txt",
            preload=("warm_transformers",),
            warm_up_paths=(_WARM_UP,),
            removed=("torchaudio/lib/*.so", "torio/lib/*.so"),
            size_mb=2400,
            minutes=6,
            pythons=("3.11",),
        ),
        EnvironmentSpec(
            name="tf2023",
            lock=_LOCKS / "tf2023.txt",
            preload=("warm_tensorflow",),
            warm_up_paths=(_WARM_UP,),
            size_mb=1900,
            minutes=5,
            pythons=("3.11",),
        ),
    )
}
"""By name."""
