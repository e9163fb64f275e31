"""The entrypoint: compose -> check -> plan -> run the stages. `python -m rlaif.train --help`.

torch is imported by the stages that need it, so help, `--cfg job` and a mistake in the
config answer at once.
"""

from __future__ import annotations

import math
import os
import sys
from collections.abc import Iterator
from contextlib import chdir, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import hydra
from hydra.core.hydra_config import HydraConfig
from omegaconf import DictConfig, ListConfig, OmegaConf

from rlaif import compose, ranks
from rlaif.command_line import CommandLine, read_command_line
from rlaif.errors import UserError
from rlaif.explain import one_line
from rlaif.sweep import Failures, is_expected, reason_of, write_traceback

if TYPE_CHECKING:
    from rlaif.config import TrainConfig
    from rlaif.runs import Run


def main() -> None:
    """The console script `rlaif`, and `python -m rlaif.train`."""
    # A waiting OpenMP thread that spins while another job has its core costs several times the work itself.
    os.environ.setdefault("OMP_WAIT_POLICY", "passive")
    sys.argv += ranks.prepare()
    try:
        command = read_command_line(sys.argv[1:])
        for warning in command.warnings:
            print(f"warning: {warning}", file=sys.stderr, flush=True)
        sys.argv[1:] = command.arguments
        (_sweep if command.is_sweep else _run)(command)
    except UserError as error:
        _stop(f"error: {error}")
    except OSError as error:  # where Hydra puts its own files
        _stop(f"error: {reason_of(error)}")
    except KeyboardInterrupt:
        _stop("stopped; the same command goes on from the last checkpoint", code=130)


def _run(command: CommandLine) -> None:
    """The only job."""
    os.environ["HYDRA_FULL_ERROR"] = "1"  # Hydra then raises what it would print
    _start(command)


def _sweep(command: CommandLine) -> None:
    """All jobs, whichever of them fail; then a line for each that failed, and a status that is not 0."""
    first = command.configs[0]
    if command.wants_figure and not first.objective:
        raise UserError("objective: this sweeper chooses by a figure, as objective=[evaluate_rl.executability]")
    failures = Failures.below(first.runs_dir)
    wants_traceback = os.environ.get("HYDRA_FULL_ERROR") == "1"
    os.environ["HYDRA_FULL_ERROR"] = "1"  # Hydra then raises what goes wrong between jobs, and does not print it
    ended = ""
    try:
        _start(command, failures)
    except UserError:
        raise
    except Exception as error:
        if wants_traceback:
            raise
        ended = f"error: the sweep ended early: {one_line(error)}"
    finally:
        lines = failures.take()
        for line in filter(None, lines):
            print(f"error: {line}", file=sys.stderr, flush=True)
    if ended:
        _stop(ended)
    if lines:
        ranks.linger()
        sys.exit(1)


def _start(command: CommandLine, failures: Failures | None = None) -> None:
    """Let Hydra do what the command line says."""

    def job(composed: DictConfig) -> Any:  # of this module, whose name Hydra gives to the job
        return one_job(composed, failures)

    hydra.main(version_base="1.3", config_path=str(compose.config_dir()), config_name="train")(job)()


def one_job(composed: DictConfig, failures: Failures | None) -> Any:
    """One job of a sweep, or the only one, in whatever process a launcher runs it.

    Args:
        failures: Where a sweep's failed jobs leave word; such a job then ends like any other.

    Returns:
        What `objective` names, for a sweeper; of a failed job the worst that there is.
    """
    compose.register_schema()
    try:
        with _where_the_command_was_given():
            _require_basic_launcher()
            config = compose.to_config(composed)
            return _figures(config, run_job(config, composed))
    except (Exception, SystemExit) as error:
        if failures is not None:
            return _leave_word(error, failures)
        if not is_expected(error):
            raise
        _stop(f"error: {reason_of(error)}")


def _leave_word(error: BaseException, failures: Failures) -> Any:
    if isinstance(error, SystemExit) and not error.code:
        return None
    job: Any = HydraConfig.get()
    reason = "" if isinstance(error, ranks.SaidElsewhere) else reason_of(error)
    if reason and not is_expected(error):
        reason += f"; the traceback is in {write_traceback(error, Path(job.runtime.output_dir))}"
    failures.add(int(job.job.num), OmegaConf.to_container(job.overrides.task), reason)  # type: ignore[arg-type]
    directions = OmegaConf.select(job, "sweeper.direction")
    worst = [
        -math.inf if str(getattr(direction, "name", direction)) == "maximize" else math.inf
        for direction in (directions if isinstance(directions, ListConfig) else [directions])
    ]
    return None if directions is None else worst if isinstance(directions, ListConfig) else worst[0]


def _require_basic_launcher() -> None:
    """UserError where each of several processes would start jobs of its own, which would not find each other."""
    launcher = HydraConfig.get().runtime.choices.get("hydra/launcher", "basic")
    if ranks.place()[1] > 1 and launcher != "basic":
        raise UserError(f"hydra/launcher={launcher}: several processes run jobs one by one; leave it out")


@contextmanager
def _where_the_command_was_given() -> Iterator[None]:
    """Relative paths mean what they meant to who wrote them, also with hydra.job.chdir and in other processes."""
    directory = Path(HydraConfig.get().runtime.cwd) if HydraConfig.initialized() else Path.cwd()
    with chdir(directory if directory.is_dir() else Path.cwd()):
        yield


def _figures(config: TrainConfig, result: dict[str, Run]) -> Any:
    """What `objective` names: one number alone, several as a list, none as None."""
    figures = []
    for name in config.objective if result else ():
        stage, _, figure = name.partition(".")
        value = result[stage].metrics.get(figure)
        if isinstance(value, bool) or not isinstance(value, int | float) or math.isnan(value):
            numbers = [key for key, one in result[stage].metrics.items() if isinstance(one, int | float)]
            raise UserError(f"objective: {stage} has no figure {figure!r} (it is {value}); one of {', '.join(numbers)}")
        figures.append(float(value))
    return figures[0] if len(figures) == 1 else figures or None


def run_job(config: TrainConfig, composed: DictConfig) -> dict[str, Run]:
    """Plan the wanted stage and run what is not finished."""
    with ranks.joined() as among:
        return _run_job(config, composed, among)


def _run_job(config: TrainConfig, composed: DictConfig, among: ranks.Ranks) -> dict[str, Run]:
    from rlaif import pipeline
    from rlaif.config import TrackingMode
    from rlaif.forecast import forecast_lines, input_digests
    from rlaif.readiness import require_judge
    from rlaif.tracking import Tracker

    if config.dry_run:
        if among.is_main:
            _say("\n".join(forecast_lines(config)))
        return {}
    steps = pipeline.plan(config, among.from_main(lambda: input_digests(config)))
    planned = [step.stage.name for step in steps]
    for name in config.objective:
        if name.partition(".")[0] not in planned:
            raise UserError(f"objective: {name} is no STAGE.FIGURE of this run; its stages are {', '.join(planned)}")
    among.from_main(lambda: require_judge(config, steps))
    resolved = OmegaConf.to_container(composed, resolve=True, enum_to_str=True)
    tracking = config.tracking if among.is_main else replace(config.tracking, mode=TrackingMode.none)
    tracker = Tracker(tracking, f"{config.name}-s{config.seed}", resolved, Path(config.runs_dir))
    finished = False
    try:
        result = pipeline.execute(config, steps, tracker, _say, among)
        finished = True
    finally:
        tracker.close(failed=not finished)
    if among.is_main:
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


def _stop(message: str, code: int = 1) -> NoReturn:
    if ranks.says_it():
        print(message, file=sys.stderr, flush=True)
    ranks.linger()
    sys.exit(code)


if __name__ == "__main__":
    main()
