"""What takes too long is ended in time, and nothing else is."""

import asyncio

import pytest

from notifier.dintero.deadline import Deadline

SOON_SECONDS = 0.01
LONG_SECONDS = 2.0


async def hang(deadline: Deadline) -> None:
    """Wait for ever in a block."""
    with deadline:
        await asyncio.Event().wait()


async def test_what_takes_too_long_ends_with_a_time_out() -> None:
    """A block must be left with TimeoutError when its time is over, and its task can go on."""
    deadline = Deadline(SOON_SECONDS)
    started = asyncio.get_running_loop().time()
    with pytest.raises(TimeoutError):
        await hang(deadline)
    assert asyncio.get_running_loop().time() - started >= SOON_SECONDS
    task = asyncio.current_task()
    assert task is not None
    assert task.cancelling() == 0
    with pytest.raises(TimeoutError):
        await hang(deadline)


async def test_each_has_its_own_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """One timer must do for all: when it rings for the oldest, the next has what is left of its own time."""
    loop, now = asyncio.get_running_loop(), [1_000.0]
    deadline = Deadline(10)
    monkeypatch.setattr(loop, "time", lambda: now[0])
    first = asyncio.ensure_future(hang(deadline))
    await asyncio.sleep(0)
    now[0] += 4
    second = asyncio.ensure_future(hang(deadline))
    await asyncio.sleep(0)
    now[0] += 6
    deadline._strike()
    await asyncio.wait({first})
    assert deadline._timer is not None
    assert deadline._timer.when() == now[0] + 4
    deadline._timer.cancel()
    now[0] += 4
    deadline._strike()
    ended = await asyncio.gather(first, second, return_exceptions=True)
    assert [type(one) for one in ended] == [TimeoutError] * 2
    assert deadline._timer is None


async def test_who_is_done_in_time_hears_nothing() -> None:
    """The timer of a block that is over must not end what its task does next."""
    deadline = Deadline(SOON_SECONDS)
    with deadline:
        await asyncio.sleep(0)
    with pytest.raises(TimeoutError):
        # It rings while this task waits for another one.
        await asyncio.ensure_future(hang(deadline))


async def test_a_cancelled_task_is_cancelled() -> None:
    """Who is cancelled from outside must not pass for one that was late, also when both happen at once."""
    deadline = Deadline(SOON_SECONDS)
    alone = asyncio.ensure_future(hang(deadline))
    await asyncio.sleep(0)
    alone.cancel()
    both = asyncio.ensure_future(hang(deadline))
    await asyncio.sleep(0)
    both.cancel()
    deadline._ends = dict.fromkeys(deadline._ends, 0.0)
    deadline._strike()
    ended = await asyncio.gather(alone, both, return_exceptions=True)
    assert [type(one) for one in ended] == [asyncio.CancelledError] * 2


async def test_an_error_of_the_block_is_its_own() -> None:
    """What a block raises by itself must come through, and leave nothing behind."""
    deadline = Deadline(LONG_SECONDS)
    with pytest.raises(LookupError), deadline:
        raise LookupError
    assert deadline._ends == {}
    deadline.close()


async def test_one_block_at_a_time() -> None:
    """A second block of the same task must be refused: it would take the first one's time."""
    deadline = Deadline(LONG_SECONDS)
    with deadline, pytest.raises(RuntimeError), deadline:
        pass
    deadline.close()


async def test_who_is_still_there_when_it_is_closed_is_not_left_alone() -> None:
    """What is under way when the source is closed must end in its time all the same."""
    deadline = Deadline(SOON_SECONDS)
    late = asyncio.ensure_future(hang(deadline))
    await asyncio.sleep(0)
    deadline.close()
    ended, _ = await asyncio.wait({late}, timeout=LONG_SECONDS)
    late.cancel()
    assert [type(one.exception()) for one in ended] == [TimeoutError]


async def test_a_closed_one_keeps_no_timer() -> None:
    """Where nobody is there any more, nothing may ring later."""
    deadline = Deadline(LONG_SECONDS)
    with deadline:
        pass
    timer = deadline._timer
    deadline.close()
    assert timer is not None
    assert timer.cancelled()
