"""AI feedback: the judge answers the questions about every sample and every reference."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path
from typing import Any

from tqdm import tqdm

from rlaif.feedback.build import open_judge
from rlaif.feedback.judge import items_for
from rlaif.feedback.labeler import label
from rlaif.feedback.pairs import reference_sample
from rlaif.feedback.questions import load_questions
from rlaif.feedback.scoring import question_rates
from rlaif.feedback.store import LabelStore
from rlaif.pipeline import StageContext
from rlaif.records import write_records
from rlaif.stages import artifacts


def run(context: StageContext) -> dict[str, Any]:
    """Ask what the label store, shared by all runs, does not know yet; save every answer as it arrives."""
    config = context.config
    database = artifacts.read_database(context.inputs["data"])
    examples = {example.id: example for example in artifacts.read_examples(context.inputs["data"], "train")}
    samples = artifacts.read_samples(context.inputs["sample"])
    references = [reference_sample(examples[id]) for id in dict.fromkeys(sample.example_id for sample in samples)]
    questions = load_questions(config.questions)
    items = items_for([*samples, *references], examples, questions.questions)

    with (
        artifacts.open_executor(config, context.inputs["data"]) as executor,
        LabelStore(Path(config.runs_dir) / "shared" / "labels") as store,
        ExitStack() as stack,
        tqdm(total=len(items), desc=f"judge {config.feedback.name}", unit="answer", mininterval=0.5) as bar,
    ):
        judge = open_judge(config, questions, database, executor.run, stack)
        answers = label(items, judge, store, lambda done, total: bar.update(done - bar.n))
        bar.update(len(items) - bar.n)

    write_records(context.run.directory / artifacts.ANSWERS, answers)
    sampled = [answer for answer in answers if not answer.sample_id.endswith("/reference")]
    rates = {f"yes/{rate.question_id}": rate.mean_p_yes for rate in question_rates(sampled)}
    return {
        "num_answers": len(answers),
        "num_invalid": sum(answer.p_yes is None for answer in answers),
        **rates,
    }
