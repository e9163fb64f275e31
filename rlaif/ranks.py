"""The processes that a launcher started for one job: which is the main one, and how the others wait for it.

torchrun, `accelerate launch` and their like start one command several times and tell each its RANK of WORLD_SIZE.
Only the main process, of rank 0, takes locks, writes and prints. What the others have to know it leaves in the
launcher's key-value store, where they look now and then: a stage may take hours, and every exchange between processes
has a time limit. The first process that fails leaves word there too, and says why; the others end without a word.
What the main process wrote the others read: on several machines `runs_dir` lies on a file system that all share.
"""

from __future__ import annotations

import atexit
import io
import json
import os
import shutil
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stdout, suppress
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from rlaif.errors import UserError

if TYPE_CHECKING:
    from torch.distributed import Store

FAILED, LEFT, SAID = "failed", "left", "said"
LONGEST_PAUSE_S = 0.5
"""Between two looks at the store."""
SECONDS_TO_CONNECT, SECONDS_TO_ASK, SECONDS_TO_LEAVE = 300, 10, 20
SECONDS_TO_SAY = 3
"""What a process that ends in failure leaves to the others: torchrun ends them as soon as one has ended."""
SECONDS_TO_END = 10
"""For a process whose exchange with one that has failed will never end."""
ENGINES = {
    "ACCELERATE_USE_FSDP": "FSDP", "ACCELERATE_USE_DEEPSPEED": "DeepSpeed", "ACCELERATE_USE_MEGATRON_LM": "Megatron-LM",
}  # fmt: skip


MPI = {
    "RANK": ("PMI_RANK", "OMPI_COMM_WORLD_RANK", "MV2_COMM_WORLD_RANK"),
    "WORLD_SIZE": ("PMI_SIZE", "OMPI_COMM_WORLD_SIZE", "MV2_COMM_WORLD_SIZE"),
    "LOCAL_RANK": ("MPI_LOCALRANKID", "OMPI_COMM_WORLD_LOCAL_RANK", "MV2_COMM_WORLD_LOCAL_RANK"),
}


class SaidElsewhere(SystemExit):
    """Another process of this job has failed, and says why."""


class Ranks:
    """This process's place among those of its job; alone where there is no store."""

    def __init__(self, index: int = 0, count: int = 1, store: Store | None = None) -> None:
        self.index, self.count, self._store = index, count, store
        self._number = 0

    @property
    def is_main(self) -> bool:
        return self.index == 0

    def tell(self, word: Any) -> None:
        """Of the main process: leave word for the others, of JSON's types. Each word is heard once, in order."""
        self._number += 1
        if self._store is not None:
            self._store.set(str(self._number), json.dumps(word))

    def hear(self) -> Any:
        """Of the others: wait for the next word, however long it takes.

        Raises:
            SaidElsewhere: a process has failed.
            UserError: the store is gone, and with it the main process.
        """
        assert self._store is not None
        self._number += 1
        pause = 0.01
        while True:
            try:
                if self._store.check([FAILED]):
                    raise SaidElsewhere(1)
                if self._store.check([str(self._number)]):
                    return json.loads(self._store.get(str(self._number)))
            except RuntimeError:
                raise UserError("the main process of this job has ended") from None
            time.sleep(pause)
            pause = min(LONGEST_PAUSE_S, 1.2 * pause)

    def from_main(self, make: Callable[[], Any]) -> Any:
        """What the main process makes, of JSON's types, for all."""
        if not self.is_main:
            return self.hear()
        made = make()
        self.tell(made)
        return made

    @contextmanager
    def together(self) -> Iterator[None]:
        """While all compute together: this process ends where another has failed, for it would wait for that one."""
        if self._store is None:
            yield
            return
        is_over = threading.Event()
        threading.Thread(target=self._watch, args=(is_over,), daemon=True).start()
        try:
            yield
        finally:
            is_over.set()

    def _watch(self, is_over: threading.Event) -> None:
        assert self._store is not None
        with suppress(RuntimeError):  # the store is gone
            while not self._store.check([FAILED]):
                if is_over.wait(1.0):
                    return
        if not is_over.wait(SECONDS_TO_END):
            os._exit(1)

    def fail(self) -> bool:
        """Leave word that this process has failed; False where another did before, which then says why."""
        if self._store is None:
            return True
        try:
            return int(self._store.compare_set(FAILED, "", str(self.index))) == self.index
        except RuntimeError:
            return self.is_main

    def leave(self) -> None:
        """The main process goes last, for the store may be its own."""
        if self._store is None:
            return
        with suppress(RuntimeError):
            left, deadline = self._store.add(LEFT, 1), time.monotonic() + SECONDS_TO_LEAVE
            while self.is_main and left < self.count and time.monotonic() < deadline:
                time.sleep(0.05)
                left = self._store.add(LEFT, 0)


ALONE = Ranks()


def place() -> tuple[int, int]:
    """(rank, number of processes), as the launcher says them."""
    return int(os.environ.get("RANK", "0")), int(os.environ.get("WORLD_SIZE", "1"))


def read_mpi() -> None:
    """Of processes that mpirun started: what accelerate reads of its variables under the names that all else reads."""
    for name, theirs in MPI.items():
        found = [os.environ[one] for one in theirs if one in os.environ]
        if found:
            os.environ.setdefault(name, found[0])


@contextmanager
def joined() -> Iterator[Ranks]:
    """This process's place in a job that begins.

    Inside, only the main process prints. An exception ends all processes of the job: it goes on in the one that fails
    first, the others get SaidElsewhere.

    Raises:
        UserError: the launcher asks for what the stages do not do; the processes do not find each other.
    """
    index, count = place()
    if count == 1:
        yield ALONE
        return
    require_supported()
    ranks = Ranks(index, count, connect())
    try:
        with redirect_stdout(sys.stdout if ranks.is_main else io.StringIO()):
            yield ranks
    except BaseException as error:
        lost = is_of_exchange(error)
        if lost:
            time.sleep(2)  # the one that has failed may still be about to say so
        is_first = ranks.fail()
        ranks.leave()
        if not is_first or isinstance(error, SaidElsewhere):
            linger()
            raise SaidElsewhere(1) from None
        if lost:
            raise UserError("another process of this job has ended; what was finished is kept") from None
        raise
    else:
        ranks.leave()


def require_supported() -> None:
    """UserError where `accelerate launch` was told to train in a way that the stages do not."""
    for variable, engine in ENGINES.items():
        if os.environ.get(variable, "false").lower() in ("1", "true"):
            raise UserError(
                f"accelerate's config asks for {engine}: the stages train with each process holding the whole model; "
                "set distributed_type: MULTI_GPU"
            )


def connect() -> Store:
    """The launcher's store, with this job's keys apart from those of its other jobs.

    Raises:
        UserError: it does not answer.
    """
    from torch.distributed import PrefixStore

    store = launchers_store(SECONDS_TO_CONNECT)
    return PrefixStore(f"job {store.add(f'jobs of {place()[0]}', 1)}", store)


def launchers_store(seconds: float) -> Store:
    """The launcher's store, with the keys of this attempt to run the command."""
    from torch.distributed import PrefixStore
    from torch.distributed.rendezvous import rendezvous

    try:
        store, _, _ = next(rendezvous("env://", timeout=timedelta(seconds=seconds)))
    except (ValueError, RuntimeError) as error:
        raise UserError(f"RANK and WORLD_SIZE are set, but {str(error).splitlines()[0]}") from None
    return PrefixStore(f"rlaif {os.environ.get('TORCHELASTIC_RESTART_COUNT', '0')}", store)


def says_it() -> bool:
    """Whether it is this process that prints what ended the command: of those that come to ask, the first."""
    index, count = place()
    if count == 1:
        return True
    try:
        store = launchers_store(SECONDS_TO_ASK)
        return int(store.compare_set(SAID, "", str(index))) == index
    except (UserError, RuntimeError):  # nobody else is there
        return True


def linger() -> None:
    """Before a process ends in failure: let the others ask the store, which may be its own, and say why they fail."""
    if place()[1] > 1:
        time.sleep(SECONDS_TO_SAY)


def is_of_exchange(error: BaseException) -> bool:
    """Whether an exchange between processes broke, as it does where one of them has ended."""
    said = str(error).lower()
    return isinstance(error, RuntimeError) and any(name in said for name in ("gloo", "nccl", "connection", "xccl"))


def prepare() -> list[str]:
    """Before anything else is imported: make all but the main process quiet. Returns what Hydra has to be told there:
    to leave its own files elsewhere."""
    read_mpi()
    index, count = place()
    if count > 1:
        os.environ.setdefault("TORCH_CPP_LOG_LEVEL", "ERROR")  # DDP warns of looking for unused weights in vain
    if index == 0:
        return []
    os.environ.setdefault("TQDM_DISABLE", "1")
    os.environ.setdefault("TRANSFORMERS_VERBOSITY", "error")
    elsewhere = tempfile.mkdtemp(prefix="rlaif-")
    atexit.register(shutil.rmtree, elsewhere, ignore_errors=True)
    return [f"hydra.run.dir={elsewhere}", f"hydra.sweep.dir={elsewhere}", "hydra.hydra_logging.root.level=ERROR"]
