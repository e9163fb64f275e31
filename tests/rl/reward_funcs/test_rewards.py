"""Reward functions: what they are handed, when they are called, what comes of their rewards."""

from __future__ import annotations

import asyncio
import functools
import math
import signal
import threading
import time
from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch

from rlaif.errors import UserError
from rlaif.rl.dataset import Prompt
from rlaif.rl.reward_funcs.rewards import Rewards, overlaps_decoding
from tests.rl.reward_funcs.one_rollout import lengths, score

WAIT_S = 30
"""For another thread; only a failing test waits for so long."""


@pytest.fixture(autouse=True)
def threads_end() -> Iterator[None]:
    yield
    assert not {"rewards", "async-rewards"} & {thread.name for thread in threading.enumerate()}


async def async_lengths(completions: list[str], **kwargs: Any) -> list[float]:
    await asyncio.sleep(0)
    return lengths(completions)


# What a function is handed


def test_a_function_is_handed_what_trl_hands_it() -> None:
    seen: dict[str, Any] = {}

    def function(**kwargs: Any) -> list[float]:
        seen.update(kwargs)
        return [0.0, 0.0]

    prompts = [Prompt("p", None, {"answer": 1}), Prompt("q", None, {"answer": 2})]
    state = SimpleNamespace(global_step=3)
    score(function, prompts=prompts, state=state)
    assert callable(seen.pop("log_extra")) and callable(seen.pop("log_metric"))
    assert seen == {
        "prompts": ["p", "q"],
        "completions": ["a b", "c"],
        "completion_ids": [[1, 1, 0], [1, 0]],
        "answer": [1, 2],
        "trainer_state": state,
    }


def test_a_function_is_told_how_each_completion_ended() -> None:
    seen: list[Any] = []

    def named(completions: list[str], finish_reason: list[str]) -> list[float]:
        seen.append(finish_reason)
        return [0.0 if reason == "length" else 1.0 for reason in finish_reason]

    def anything(**kwargs: Any) -> list[float]:
        seen.append(kwargs["finish_reason"])
        return [0.0, 0.0, 0.0]

    def nothing(completions: list[str]) -> list[float]:
        return lengths(completions)

    def run(prompts: list[Prompt], *functions: Any) -> list[float | None]:
        with Rewards(list(functions)) as rewards, rewards.begin(prompts) as round_:
            for row, reason in ((1, "length"), (0, "stop"), (2, "stop")):
                round_.add(row, "a", [1, 0], reason)  # type: ignore[arg-type]
            return round_.result().totals

    assert run([Prompt("p")] * 3, named, anything, nothing) == [2.0, 1.0, 2.0]
    assert seen == [["stop", "length", "stop"]] * 2
    assert run([Prompt("p")] * 3, overlaps_decoding()(named)) == [1.0, 0.0, 1.0]

    seen.clear()
    run([Prompt("p", None, {"finish_reason": "why"})] * 3, anything)
    assert seen == [["why"] * 3], "the data's own column was replaced"


def test_in_the_conversational_form_texts_are_messages() -> None:
    seen: dict[str, Any] = {}

    def function(prompts: Any, completions: Any) -> list[float]:
        seen.update(prompts=prompts, completions=completions)
        prompts[0].pop()
        return [1.0]

    messages = [{"role": "user", "content": "hi"}]
    prompts = [Prompt("<user> hi", messages)]
    with Rewards(function) as rewards, rewards.begin(prompts) as round_:
        round_.add(0, "yes", [5, 0])
        round_.result()
    assert seen["completions"] == [[{"role": "assistant", "content": "yes"}]]
    assert messages == [{"role": "user", "content": "hi"}], "the function changed the data"


def test_a_function_without_kwargs_gets_what_it_names() -> None:
    def matches(completions: list[str], answer: list[str], weight: float = 2.0) -> list[float]:
        return [weight * (c == a) for c, a in zip(completions, answer, strict=True)]

    prompts = [Prompt("p", None, {"answer": "a b", "other": 1}), Prompt("q", None, {"answer": "d", "other": 2})]
    assert score(matches, prompts=prompts).totals == [2.0, 0.0]


def test_a_column_that_is_missing_is_told_before_anything_is_sampled() -> None:
    def matches(completions: list[str], answer: list[str]) -> list[float]:
        raise AssertionError("not called")

    with pytest.raises(UserError, match="matches: its parameter 'answer'"):
        Rewards(matches).require_columns(["id"])
    with pytest.raises(UserError, match="rename its column 'completions'"):
        Rewards(lengths).require_columns(["completions"])


def test_functions_log_metrics_and_columns() -> None:
    @overlaps_decoding()
    def function(completions: list[str], log_extra: Any, log_metric: Any) -> list[float]:
        log_extra("upper", [c.upper() for c in completions])
        log_metric("constant", 4)
        return [0.0] * len(completions)

    scores = score(function)
    assert scores.extra_columns == {"upper": ["A B", "C"]}
    assert scores.metrics == {"constant": 4.0}
    assert set(scores.seconds) == {"function"}


# What comes of the rewards


def test_rewards_are_summed_with_their_weights() -> None:
    def ones(completions: list[str]) -> list[int]:
        return [1] * len(completions)

    scores = score([lengths, ones, async_lengths], reward_weights=[1.0, 10.0, -0.5])
    assert scores.totals == [3 + 10 - 1.5, 1 + 10 - 0.5]
    assert scores.token_rewards == [None, None]
    assert scores.by_function == {"lengths": [3.0, 1.0], "ones": [1.0, 1.0], "async_lengths": [3.0, 1.0]}


@pytest.mark.parametrize(
    ("missing", "totals"), [("skip_function", [3.0 + 8.0, 1.0, None]), ("skip_sample", [11.0, None, None])]
)
def test_none_leaves_out_the_function_or_the_sample(missing: Any, totals: list[float | None]) -> None:
    def length_or_none(completions: list[str]) -> list[float | None]:
        return [float(len(c)) if c != "none" else None for c in completions]

    def eight_or_none(completions: list[str]) -> list[float | None]:
        return [8.0 if c == "a b" else None for c in completions]

    scores = score([length_or_none, eight_or_none], ["a b", "c", "none"], missing_rewards=missing)
    assert scores.totals == totals
    assert scores.by_function["eight_or_none"] == [8.0, None, None]


def test_token_rewards_carry_the_whole_reward() -> None:
    def a_token(completion_ids: list[list[int]]) -> list[Any]:
        return [[0.5, 1.0, 2.0], None]

    def whole(completions: list[str]) -> list[float]:
        return [10.0, 20.0]

    scores = score([a_token, whole], reward_weights=[2.0, 1.0])
    assert scores.token_rewards == [[1.0, 2.0, 4.0 + 10.0], None]
    assert scores.totals == [17.0, 20.0]
    assert scores.by_function == {"a_token": [3.5, None], "whole": [10.0, 20.0]}


@pytest.mark.parametrize(
    "returned", [np.array([1.5, 2.5]), torch.tensor([1.5, 2.5]), (1.5, np.float32(2.5)), [torch.tensor(1.5), 2.5]]
)
def test_arrays_and_tensors_are_rewards_too(returned: Any) -> None:
    assert score(lambda completions: returned).totals == [1.5, 2.5]


@pytest.mark.parametrize(
    ("returned", "says"),
    [
        ([1.0], "1 rewards for 2 completions"),
        ([1.0, math.nan], "returned nan; None says"),
        ([1.0, math.inf], "returned inf; None says"),
        ([1.0, "good"], "returned 'good' as a reward"),
        ([[1.0, 1.0], 1.0], "2 token rewards for a completion of 3 tokens"),
        ([[1.0, None, 1.0], 1.0], "returned None as a reward"),
        (None, "returned NoneType, and should return a list"),
        (2.0, "returned float, and should return a list"),
    ],
)
@pytest.mark.parametrize("kind", ["plain", "async", "overlapping"])
def test_what_is_no_reward_is_one_error_that_names_the_function(returned: Any, says: str, kind: str) -> None:
    with pytest.raises(UserError, match=f"reward function bad: {says}"):
        score(in_kind(kind, lambda: returned))


def in_kind(kind: str, body: Callable[[], Any]) -> Callable[..., Any]:
    """A function named `bad`, called in one of the three ways, that returns body() whole."""
    if kind == "async":

        async def bad(completions: list[str]) -> Any:
            return body()
    else:

        def bad(completions: list[str]) -> Any:
            return body()

    return overlaps_decoding(2)(bad) if kind == "overlapping" else bad


@pytest.mark.parametrize("error", [KeyError("answer"), SystemExit(3)], ids=["KeyError", "SystemExit"])
@pytest.mark.parametrize("kind", ["async", "overlapping"])
def test_an_exception_in_the_background_is_one_error_with_its_cause(kind: str, error: BaseException) -> None:
    def body() -> None:
        raise error

    with pytest.raises(UserError, match=rf"reward function bad: {type(error).__name__}: .*test_rewards.py:\d+") as told:
        score(in_kind(kind, body))
    assert told.value.__cause__ is error


def test_an_exception_of_a_plain_function() -> None:
    with pytest.raises(UserError, match=r"reward function bad: ZeroDivisionError: .*test_rewards.py:\d+"):
        score(in_kind("plain", lambda: 1 / 0))


def test_a_plain_function_that_returns_a_coroutine() -> None:
    with pytest.raises(UserError, match="define it with async def"):
        score(lambda completions: async_lengths(completions))


# When a function is called


def test_a_plain_function_is_called_once_on_the_callers_thread() -> None:
    calls: list[tuple[int, threading.Thread]] = []

    def function(completions: list[str]) -> list[float]:
        calls.append((len(completions), threading.current_thread()))
        return lengths(completions)

    score(function, ["a", "b", "c"])
    assert calls == [(3, threading.current_thread())]


def test_an_async_function_is_called_once_and_async_ones_run_together() -> None:
    both_run = asyncio.Barrier(2)
    calls: list[int] = []

    async def waits(completions: list[str]) -> list[float]:
        calls.append(len(completions))
        await asyncio.wait_for(both_run.wait(), WAIT_S)
        return lengths(completions)

    assert score([waits, functools.partial(waits)]).totals == [6.0, 2.0]
    assert calls == [2, 2]


@pytest.mark.parametrize("is_async", [False, True])
def test_an_overlapping_function_runs_while_other_rows_decode(is_async: bool) -> None:
    """The function cannot return before the last row has been decoded, which is after it was called."""
    called, decoded = threading.Event(), threading.Event()

    def rewards_of(completions: list[str]) -> list[float]:
        called.set()
        assert decoded.wait(WAIT_S)
        return lengths(completions)

    @overlaps_decoding()
    async def async_function(completions: list[str]) -> list[float]:
        return await asyncio.to_thread(rewards_of, completions)

    function = async_function if is_async else overlaps_decoding()(rewards_of)
    with Rewards(function) as rewards, rewards.begin([Prompt("p"), Prompt("q")]) as round_:
        round_.add(1, "c", [1, 0])
        assert called.wait(WAIT_S), "it was not called while row 0 was decoded"
        round_.add(0, "a b", [1, 1, 0])
        decoded.set()
        assert round_.result().totals == [3.0, 1.0]


def test_time_in_an_overlapping_function_is_not_waited_for_again() -> None:
    @overlaps_decoding()
    def slow(completions: list[str]) -> list[float]:
        time.sleep(0.5)
        return lengths(completions)

    with Rewards(slow) as rewards, rewards.begin([Prompt("p")]) as round_:
        round_.add(0, "a", [1, 0])
        time.sleep(0.8)  # decoding goes on
        start = time.perf_counter()
        scores = round_.result()
        assert time.perf_counter() - start < 0.4
    assert scores.seconds["slow"] >= 0.5


def test_an_overlapping_function_gets_batches() -> None:
    calls: list[int] = []
    first_call, go_on = threading.Event(), threading.Event()

    @overlaps_decoding(batch_size=2)
    def function(completions: list[str]) -> list[float]:
        calls.append(len(completions))
        first_call.set()
        assert go_on.wait(WAIT_S)
        return lengths(completions)

    with Rewards(function) as rewards, rewards.begin([Prompt("p")] * 7) as round_:
        round_.add(0, "a", [1, 0])
        assert not first_call.wait(0.05), "called with fewer completions than its batch size"
        round_.add(1, "a", [1, 0])
        assert first_call.wait(WAIT_S)
        for row in range(2, 7):  # they gather while the function is busy
            round_.add(row, "a", [1, 0])
        go_on.set()
        round_.result()
    assert calls == [2, 5]


def test_the_mark_is_seen_through_partial_and_on_classes() -> None:
    threads: list[str] = []

    class Marked:
        overlap_batch_size = 1

        def __call__(self, completions: list[str]) -> list[float]:
            threads.append(threading.current_thread().name)
            return lengths(completions)

    scores = score(
        [Marked(), functools.partial(overlaps_decoding()(lambda completions, k: [k] * len(completions)), k=1)]
    )
    assert scores.totals == [4.0, 2.0]
    assert set(threads) == {"rewards"}


def test_decoding_learns_of_a_failure_before_it_has_ended() -> None:
    failed = threading.Event()

    @overlaps_decoding()
    def bad(completions: list[str]) -> list[float]:
        failed.set()
        raise OSError("the sandbox is gone")

    with Rewards(bad) as rewards, rewards.begin([Prompt("p")] * 1000) as round_:
        round_.add(0, "a", [1, 0])
        assert failed.wait(WAIT_S)
        with pytest.raises(UserError, match="reward function bad: OSError: the sandbox is gone"):
            for row in range(1, 999):
                time.sleep(0.01)
                round_.add(row, "a", [1, 0])


def test_a_failure_is_told_at_once_though_another_function_is_slow() -> None:
    async def endless(completions: list[str]) -> list[float]:
        await asyncio.sleep(3600)
        return []

    async def bad(completions: list[str]) -> list[float]:
        raise ValueError("no")

    with pytest.raises(UserError, match="reward function bad: ValueError: no"):
        score([endless, bad])


@pytest.fixture
def heeds_ctrl_c() -> Iterator[None]:
    """As a program in the foreground does; a shell's background jobs begin with SIGINT ignored."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("heeds_ctrl_c")
@pytest.mark.parametrize("where", ["decoding", "calling", "waiting"])
def test_ctrl_c_does_not_wait_for_reward_functions(where: str) -> None:
    release, called = threading.Event(), threading.Event()

    async def endless(completions: list[str]) -> list[float]:
        await asyncio.sleep(3600)
        return []

    @overlaps_decoding()
    def blocked(completions: list[str]) -> list[float]:
        called.set()
        release.wait(WAIT_S)
        return lengths(completions)

    def interrupted(completions: list[str]) -> list[float]:
        if where == "calling":
            raise KeyboardInterrupt
        ctrl_c = functools.partial(signal.pthread_kill, threading.get_ident(), signal.SIGINT)
        threading.Timer(0.3, ctrl_c).start()
        return lengths(completions)

    start = time.perf_counter()
    with (
        pytest.raises(KeyboardInterrupt),
        Rewards([endless, blocked, interrupted]) as rewards,
        rewards.begin([Prompt("p")]) as round_,
    ):
        round_.add(0, "a", [1, 0])
        assert called.wait(WAIT_S)
        if where == "decoding":
            raise KeyboardInterrupt
        round_.result()
    assert time.perf_counter() - start < WAIT_S / 2
    release.set()
    join_threads("rewards")


def join_threads(name: str) -> None:
    for thread in threading.enumerate():
        if thread.name == name:
            thread.join(WAIT_S)


def test_threads_serve_several_rollouts_and_start_again_after_close() -> None:
    loops: list[asyncio.AbstractEventLoop] = []

    async def function(completions: list[str]) -> list[float]:
        loops.append(asyncio.get_running_loop())
        return lengths(completions)

    rewards = Rewards(function)
    for close in (False, True, True):
        with rewards.begin([Prompt("p")]) as round_:
            round_.add(0, "a", [1, 0])
            assert round_.result().totals == [1.0]
        if close:
            rewards.close()
    assert loops[0] is loops[1] is not loops[2]


def test_threads_end_with_rewards_that_nobody_closed() -> None:
    rewards: Any = Rewards([async_lengths, overlaps_decoding()(lambda completions: lengths(completions))])
    with rewards.begin([Prompt("p")]) as round_:
        round_.add(0, "a", [1, 0])
        round_.result()
    assert any(thread.name == "rewards" for thread in threading.enumerate())
    del rewards, round_
    join_threads("rewards")


def test_a_row_is_added_once_and_no_row_is_forgotten() -> None:
    with Rewards(lengths) as rewards, rewards.begin([Prompt("p")] * 2) as round_:
        round_.add(1, "a", [1, 0])
        with pytest.raises(ValueError, match="row 1"):
            round_.add(1, "a", [1, 0])
        with pytest.raises(ValueError, match="1 rows have no completion"):
            round_.result()


@pytest.mark.parametrize(
    ("reward_funcs", "options", "says"),
    [
        ([], {}, "there are none"),
        (3, {}, "neither a function, nor a model"),
        (lengths, {"reward_weights": [1.0, 2.0]}, "1 reward functions and 2 weights"),
        (lengths, {"reward_weights": [math.nan]}, "not all numbers"),
        (lengths, {"reward_weights": "1"}, "reward_weights: '1' is not a list of numbers"),
        (lengths, {"reward_weights": {"lengths": 1.0}}, "is not a list of numbers"),
        (lengths, {"reward_weights": [None]}, "is not a list of numbers"),
        ([lengths, lengths], {"reward_processing_classes": [None]}, "2 reward functions and 1 reward_processing"),
    ],
)
def test_reward_funcs_that_cannot_be_used(reward_funcs: Any, options: Any, says: str) -> None:
    with pytest.raises(UserError, match=says):
        Rewards(reward_funcs, **options)


class NotMade:
    def __call__(self, completions: list[str]) -> list[float]:
        return lengths(completions)


def yields(completions: list[str]) -> Iterator[float]:
    yield 1.0


async def yields_async(completions: list[str]) -> Any:
    yield 1.0


@pytest.mark.parametrize(
    ("function", "says"),
    [(NotMade, "NotMade is a class: give an instance"), (yields, "yields yields"),
     (yields_async, "yields_async yields"), (functools.partial(yields), "yields yields"),
     (None, "None is neither a function")],
)  # fmt: skip
def test_what_never_returns_rewards_is_refused_at_once(function: Any, says: str) -> None:
    with pytest.raises(UserError, match=says):
        Rewards(function)


@pytest.mark.parametrize(
    "returned",
    [np.array([1.5, 2.0]), np.array([[1.5], [2.0]]), torch.tensor([1.5, 2.0], requires_grad=True),
     torch.tensor([[1.5], [2.0]], dtype=torch.bfloat16), [np.float32(1.5), torch.tensor(2.0)], (1.5, np.int64(2))],
    ids=str,
)  # fmt: skip
def test_rewards_may_be_of_numpy_and_torch(returned: Any) -> None:
    assert score(lambda completions: returned).totals == [1.5, 2.0]


@pytest.mark.parametrize(
    "returned", ["ab", {"rewards": [1.0, 2.0]}, [1.0], [[1.0], [2.0]], [{"a": 1}, {"a": 2}], ["1", "2"], 1.0, None,
                 np.zeros((2, 2, 2)), np.array(1.0), [1j, 2j], [math.nan, 1.0]], ids=str,
)  # fmt: skip
def test_what_are_no_rewards_is_said_in_one_line(returned: Any) -> None:
    with pytest.raises(UserError, match=r"reward function <lambda>: ") as caught:
        score(lambda completions: returned)
    assert "\n" not in str(caught.value)


def test_a_failure_of_many_lines_is_told_in_one() -> None:
    def bad(completions: list[str]) -> list[float]:
        raise ValueError("first\n  second")

    with pytest.raises(UserError, match=r"reward function bad: ValueError: first second \(.*test_rewards.py:\d+\)$"):
        score(bad)


def test_names_are_told_apart() -> None:
    assert Rewards([lengths, functools.partial(lengths), async_lengths]).names == [
        "lengths",
        "lengths_1",
        "async_lengths",
    ]
