"""Run a judge over items: reuse what the label store has, keep every new answer as it arrives."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from rlaif.feedback.asked_judge import AskedJudge
from rlaif.feedback.judge import UNANSWERED, Item, Judge
from rlaif.feedback.store import LabelStore, answer_key
from rlaif.records import Answer

Progress = Callable[[int, int], None]
"""Called with (answers at hand, answers in all)."""


def label(
    items: Sequence[Item], judge: Judge | AskedJudge, store: LabelStore, progress: Progress | None = None
) -> list[Answer]:
    """One answer an item, in the items' order.

    Items that the judge could not tell apart (the same text sampled twice) are asked about
    once. Interrupted at any point and started again, it asks only for what is still missing.

    Raises:
        UserError: the judge or the store cannot go on; what was answered is kept.
    """
    if isinstance(judge, AskedJudge):
        return judge.answers(items, progress)  # what a model was asked is kept as it was asked, not as it was read
    keys = item_keys(items, judge)
    missing = missing_items(items, keys, store)
    key_of = {(item.sample.id, item.question.id): key for key, item in missing.items()}
    unanswered: dict[str, Answer] = {}
    num_keys = len(set(keys))
    num_answered = num_keys - len(missing)
    for answer in judge.answer(list(missing.values())) if missing else ():
        key = key_of[answer.sample_id, answer.question_id]
        if answer.source == UNANSWERED:
            unanswered[key] = answer
        else:
            store.append(key, answer)
        num_answered += 1
        if progress is not None:
            progress(num_answered, num_keys)
    return [_answer_to(item, store.get(key) or unanswered[key]) for item, key in zip(items, keys, strict=True)]


def item_keys(items: Sequence[Item], judge: Judge) -> list[str]:
    """Every item's key in the label store."""
    identity = judge.identity()
    return [answer_key(identity, judge.reads(item)) for item in items]


def missing_items(items: Sequence[Item], keys: Sequence[str], store: LabelStore) -> dict[str, Item]:
    """What a judge has still to be asked: by key, the first item of each that the store lacks."""
    missing: dict[str, Item] = {}
    for item, key in zip(items, keys, strict=True):
        if store.get(key) is None:
            missing.setdefault(key, item)
    return missing


def _answer_to(item: Item, answer: Answer) -> Answer:
    return replace(answer, sample_id=item.sample.id, question_id=item.question.id)
