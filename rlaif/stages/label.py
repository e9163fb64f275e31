"""AI feedback: the judge is asked about every sample and every reference, as the strategy says."""

from __future__ import annotations

from typing import Any

from tqdm import tqdm

from rlaif.config import JudgeKind
from rlaif.feedback.build import open_feedback
from rlaif.feedback.canaries import judge_canaries, make_canaries
from rlaif.feedback.injection import veto
from rlaif.feedback.invalid import invalid_line
from rlaif.feedback.order_bias import bias_line, order_figures
from rlaif.feedback.pairs import reference_sample
from rlaif.feedback.scoring import question_rates
from rlaif.feedback.strategies import Judgement
from rlaif.feedback.usage import Usage
from rlaif.pipeline import StageContext
from rlaif.records import write_records
from rlaif.stages import artifacts


def run(context: StageContext) -> dict[str, Any]:
    """Ask what the store, shared by all runs, does not know yet; every reply is kept as it arrives."""
    config, directory = context.config, context.run.directory
    database = artifacts.read_database(context.inputs["data"])
    examples = {example.id: example for example in artifacts.read_examples(context.inputs["data"], "train")}
    samples = artifacts.read_samples(context.inputs["sample"])
    references = [reference_sample(examples[id]) for id in dict.fromkeys(sample.example_id for sample in samples)]

    usage = Usage()
    with (
        artifacts.open_executor(config, context.inputs["data"]) as executor,
        tqdm(desc=f"judge {config.feedback.name}", unit="answer", mininterval=0.5) as bar,
        open_feedback(config, database, executor.run, lambda done, total: show(bar, done, total), usage) as judge,
    ):
        judged = [*samples, *references]
        judgement = raw = judge(judged, examples)
        num_vetoed = 0
        if config.feedback.veto:
            judgement, num_vetoed = veto(raw, judged, executor.run)
        asked = usage.figures(config.feedback.openai)
        canaries = judge_canaries(
            make_canaries([examples[one.example_id] for one in references], config.feedback.injection.num_canaries, 0),
            judge,
            config.feedback.pairs.min_margin,
        )

    if config.feedback.veto:
        write_records(directory / f"{artifacts.BEFORE_VETO}{artifacts.LABELS}", raw.labels)
        write_records(directory / f"{artifacts.BEFORE_VETO}{artifacts.PREFERENCES}", raw.preferences)
    write_records(directory / artifacts.ANSWERS, judgement.answers)
    write_records(directory / artifacts.LABELS, judgement.labels)
    write_records(directory / artifacts.PREFERENCES, judgement.preferences)
    result = {
        **figures(raw), "num_vetoed": num_vetoed, **asked, **judge.spending.figures(), "canaries": canaries,
    }  # fmt: skip
    if judge.spending.sums:
        tqdm.write(judge.spending.line())
    unread = invalid_line(raw.answers, raw.preferences)
    if unread is not None and config.feedback.judge is not JudgeKind.static:
        tqdm.write(unread)
    bias = bias_line(result.get("order_gap"))
    if bias is not None:
        tqdm.write(bias)
    if canaries is not None and canaries["num_through"]:
        tqdm.write(f"{canaries['num_through']} of {canaries['num']} canaries talked the judge into choosing them")
    return result


def show(bar: Any, done: int, total: int) -> None:
    """A strategy may ask several times; the bar is about the current one."""
    bar.total, bar.n = total, done
    bar.update(0)


def figures(judgement: Judgement) -> dict[str, Any]:
    """Counts, how often each question was answered with yes, and how much the order mattered."""
    answers, preferences = judgement.answers, judgement.preferences
    sampled = [answer for answer in answers if not answer.sample_id.endswith("/reference")]
    rates = {f"yes/{rate.question_id}": rate.mean_p_yes for rate in question_rates(sampled)}
    compared = {"num_preferences": len(preferences), **order_figures(preferences)} if preferences else {}
    num_invalid = sum(answer.p_yes is None for answer in answers)
    return {
        "num_answers": len(answers),
        "num_invalid": num_invalid + sum(one.p_first is None for one in preferences),
        **rates,
        **compared,
    }
