"""The entrypoint: compose -> check -> plan -> run the stages. `python -m rlaif.train --help`.

torch is imported by the stages that need it, so help, `--cfg job` and a mistake in the
config answer at once.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import hydra
from omegaconf import DictConfig, OmegaConf

from rlaif import compose
from rlaif.errors import UserError

if TYPE_CHECKING:
    from rlaif.config import TrainConfig
    from rlaif.runs import Run


def main() -> None:
    """The console script `rlaif`, and `python -m rlaif.train`."""
    # A waiting OpenMP thread that spins while another job has its core costs several times the work itself.
    os.environ.setdefault("OMP_WAIT_POLICY", "passive")
    try:
        arguments = compose.hydra_arguments(sys.argv[1:])
        if not (arguments.help or arguments.hydra_help or arguments.info):
            compose.check_command_line(arguments.overrides, _given_config_dir(arguments.config_dir))
        compose.register_schema()
        hydra.main(version_base="1.3", config_path=str(compose.config_dir()), config_name="train")(_job)()
    except UserError as error:
        _stop(f"error: {error}")
    except KeyboardInterrupt:
        _stop("stopped; the same command goes on from the last checkpoint", code=130)


def _given_config_dir(directory: str | None) -> Path | None:
    if directory is not None and not Path(directory).is_dir():
        raise UserError(f"--config-dir={directory}: no such directory")
    return None


def _job(composed: DictConfig) -> None:
    """One job of a sweep, or the only one."""
    try:
        run_job(compose.to_config(composed), composed)
    except UserError as error:
        _stop(f"error: {error}")
    except OSError as error:
        _stop(f"error: {error.strerror or error}: {error.filename or 'I/O'}; what was finished is kept")


def run_job(config: TrainConfig, composed: DictConfig) -> dict[str, Run]:
    """Plan the wanted stage and run what is not finished."""
    from rlaif import pipeline
    from rlaif.forecast import forecast_lines, input_digests
    from rlaif.tracking import Tracker

    if config.dry_run:
        _say("\n".join(forecast_lines(config)))
        return {}
    steps = pipeline.plan(config, input_digests(config))
    resolved = OmegaConf.to_container(composed, resolve=True, enum_to_str=True)
    tracker = Tracker(config.tracking, f"{config.name}-s{config.seed}", resolved, Path(config.runs_dir))
    finished = False
    try:
        result = pipeline.execute(config, steps, tracker, _say)
        finished = True
    finally:
        tracker.close(failed=not finished)
    _print_end(result, tracker.directory)
    return result


def _print_end(result: dict[str, Run], tracked: Path | None) -> None:
    """The table, when there is one, and where everything lies."""
    if "table" in result:
        _say("")
        _say((result["table"].directory / "table.txt").read_text(encoding="utf-8"))
    if "calibrate" in result:
        _say(f"{result['calibrate'].metrics['headline']}\n")
    for stage, run in result.items():
        _say(f"{stage:<20} {run.directory}")
    if tracked is not None:
        _say(f"{'W&B':<20} {tracked}")
    if "report" in result:
        _say(f"\nOpen in a browser: {result['report'].directory / 'report.html'}")


def _say(text: str) -> None:
    print(text, flush=True)


def _stop(message: str, code: int = 1) -> None:
    print(message, file=sys.stderr, flush=True)
    sys.exit(code)


if __name__ == "__main__":
    main()
