"""What `test_second_device` starts: rlaif.train, or a file of Python, with fakegpu's device in the place of a GPU.

python second_device.py FOLDER_OF_FGPU SEEN.json OVERRIDE ...

Notes for each stage on which devices the parameters and arguments of transformers' models were when they were called.
"""

from __future__ import annotations

import json
import sys
from collections import defaultdict
from pathlib import Path
from typing import Any


def stage_of(frame: Any) -> str:
    """The stage that is running, by the innermost of its frames."""
    while frame is not None:
        name = str(frame.f_globals.get("__name__"))
        if name.startswith("rlaif.stages."):
            return name.rpartition(".")[2]
        frame = frame.f_back
    return "none"


def main(fakegpu: str, seen_file: str, *overrides: str) -> None:
    sys.path.insert(0, fakegpu)
    import fgpu  # noqa: F401  # before anything asks PyTorch for its devices
    import torch
    from transformers import PreTrainedModel

    seen: defaultdict[str, set[str]] = defaultdict(set)

    def look(module: torch.nn.Module, arguments: tuple[Any, ...]) -> None:
        if isinstance(module, PreTrainedModel):
            tensors = [*module.parameters(), *(one for one in arguments if isinstance(one, torch.Tensor))]
            seen[stage_of(sys._getframe(1))] |= {one.device.type for one in tensors}

    torch.nn.modules.module.register_module_forward_pre_hook(look)
    from rlaif import train

    sys.argv = ["rlaif.train", *overrides]
    train.main()
    Path(seen_file).write_text(json.dumps({stage: sorted(devices) for stage, devices in seen.items()}))


if __name__ == "__main__":
    main(*sys.argv[1:])
