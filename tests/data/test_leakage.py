"""Leakage, with the near duplicates checked against all pairs."""

from __future__ import annotations

import random
import time

from rlaif.data.leakage import Leakage, measure_leakage
from rlaif.records import Example


def example(instruction: str, api_call: str = "f()") -> Example:
    return Example("i", instruction, "", api_call, "", "", "train")


def test_exact_overlap_ignores_case_and_space_and_is_not_counted_twice() -> None:
    train = [example("Find  the CAT in a picture", "load( 'a' )")]
    evaluation = [example("find the cat in a\npicture", "load('a')"), example("Something else", "load('b')")]
    assert measure_leakage(train, evaluation) == Leakage(1, 0, 1, 2)


def test_near_duplicates_agree_with_all_pairs() -> None:
    rng = random.Random(0)
    words = [f"w{i}" for i in range(30)]
    train = [rng.sample(words, rng.randrange(1, 12)) for _ in range(300)]
    evaluation = [rng.sample(words, rng.randrange(1, 12)) for _ in range(50)]
    for base in train[:150]:
        changed = list(base)
        changed[rng.randrange(len(base))] = rng.choice(words)
        evaluation.append([*changed, *rng.sample(words, rng.randrange(2))])
    known = {" ".join(one) for one in train}

    def is_near(query: list[str]) -> bool:
        return any(len({*query} & {*one}) / len({*query} | {*one}) >= 0.8 for one in train)

    expected = sum(is_near(query) for query in evaluation if " ".join(query) not in known)
    leakage = measure_leakage([example(" ".join(one)) for one in train], [example(" ".join(one)) for one in evaluation])
    assert leakage.eval_near_duplicates == expected > 20


def test_large_sets_are_quick() -> None:
    rng = random.Random(0)
    words = [f"w{int(rng.paretovariate(0.6)) % 5000}" for _ in range(20000)]
    examples = [example(" ".join(rng.sample(words, 25))) for _ in range(8900)]
    start = time.process_time()
    measure_leakage(examples[:8000], examples[8000:])
    assert time.process_time() - start < 3.0


def test_empty_sides() -> None:
    assert "of 0 eval examples" in measure_leakage([], []).describe()
    assert measure_leakage([], [example("")]) == Leakage(0, 0, 0, 1)
