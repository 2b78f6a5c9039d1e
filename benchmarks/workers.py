"""Workers on a real PostgreSQL: polls, jobs, pages and messages, what each takes, and what bounds it."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from time import sleep
from typing import TYPE_CHECKING, Final

from benchmarks.canned import CannedDintero
from benchmarks.channels import Channels
from benchmarks.outside import Outside
from benchmarks.pages import CannedPartner
from benchmarks.population import NAME, NAMES, list_account_ids
from benchmarks.program import write_list
from benchmarks.usage import Use
from benchmarks.workplace import TICK_SECONDS, Workplace

if TYPE_CHECKING:
    from tests.postgres import Cluster

PAGE_NAMES: Final = NAMES[:3]
CHANNELS: Final = 20

_LONG_SECONDS: Final = 180.0
_SETTLE_SECONDS: Final = 2.0
_ORDER: Final = """
INSERT INTO procrastinate_jobs (queue_name, task_name, lock, queueing_lock, args)
SELECT 'tend', 'tend', 'idle:' || n, 'idle:' || n, jsonb_build_object('what', 'idle-' || n)
FROM generate_series(1, {count}) AS n
"""
"""Jobs for chores that nobody knows: each is fetched, looks into the store, and is finished."""
_NEWS: Final = """SELECT pg_notify('procrastinate_queue_v1#tend', '{"type": "job_inserted", "job_id": 0}')"""
_WAITING_JOBS: Final = "SELECT count(*) FROM procrastinate_jobs WHERE lock LIKE 'idle:%'"
_CONNECTIONS: Final = "SELECT count(*) FROM connections"
_NEVER: Final = "UPDATE shards SET next_at = next_at + 3600000000"


@dataclass(frozen=True, slots=True)
class Shift:
    """How much is measured.

    `accounts` are read one by one, each with one connection, and `few` of them at first; `seconds` is how
    long polls and pages are counted; `partner` accounts stand on pages; `changes` accounts ask to be signed
    and are; `held` are the two numbers of connections between which a worker's memory is measured.
    """

    jobs: int
    few: int
    accounts: int
    seconds: float
    partner: int
    changes: int
    held: tuple[int, int]


@dataclass(frozen=True, slots=True)
class Crew:
    """What so many workers did: at least `demand` polls a second were asked for, and all jobs at once."""

    polls: Use
    jobs: Use
    demand: float


@dataclass(frozen=True, slots=True)
class Labour:
    """Everything that was measured of workers; `crews` are one worker and two. Bytes are of each."""

    crews: tuple[Crew, Crew]
    pages: Use
    messages: Use
    mark_bytes: float
    case_bytes: float
    worker_bytes: float
    connection_bytes: float


def measure_workers(folder: Path, shift: Shift) -> Labour:
    """Measure workers on a PostgreSQL of their own that syncs its disk, as one in production does."""
    from tests.postgres import served  # noqa: PLC0415 - it starts a server

    with served() as cluster:
        for name in ("fsync", "full_page_writes"):
            cluster.execute(f"ALTER SYSTEM SET {name} = 'on'")
        cluster.restart()
        with Outside(CannedDintero) as dintero:
            first, second, mark_bytes = _measure_crews(folder, cluster, dintero, shift)
            messages, case_bytes = _measure_messages(folder, cluster, dintero, shift, first.polls)
            connection_bytes = _measure_held(folder, cluster, dintero, shift.held)
        with Outside(CannedPartner) as partner:
            worker_bytes = _measure_empty(folder, cluster, partner)
            pages = _measure_pages(folder, cluster, partner, shift)
    return Labour((first, second), pages, messages, mark_bytes, case_bytes, worker_bytes, connection_bytes)


def _measure_crews(
    folder: Path, cluster: "Cluster", dintero: Outside, shift: Shift
) -> tuple[Crew, Crew, float]:
    """Let one worker read some accounts, then one all of them, then two; return both crews, and bytes."""
    dintero.do(CannedDintero.fill, shift.accounts, has_etags=True)
    with _open(folder / "crews", cluster, dintero) as place:
        sizes = []
        for count in (shift.few, shift.accounts):
            place.dismiss()
            place.hire(_watch(count))
            _await_first_pass(place, count)
            sizes.append(_measure_bytes(place))
        one = _measure_crew(place, dintero, shift)
        place.hire(_watch(shift.accounts))
        sleep(_SETTLE_SECONDS)
        two = _measure_crew(place, dintero, shift)
    return one, two, (sizes[1] - sizes[0]) / (shift.accounts - shift.few)


def _measure_crew(place: Workplace, dintero: Outside, shift: Shift) -> Crew:
    polls = place.measure(_count_requests(dintero), lambda so_far: so_far >= shift.seconds, _LONG_SECONDS)
    # No shard is due: what is left of CPU is for jobs.
    with _resting(place):
        jobs = _measure_jobs(place, shift.jobs)
    sleep(_SETTLE_SECONDS)
    # What is due a tick after it was read is found by the next tick: up to two go by.
    return Crew(polls, jobs, shift.accounts / (2 * TICK_SECONDS))


def _measure_jobs(place: Workplace, number: int) -> Use:
    """Order so many jobs once it is measured, since they are begun at once, and wait until all are done."""
    ordered = 0

    def is_over(_so_far: float) -> bool:
        nonlocal ordered
        if not ordered:
            place.database.connection.execute(_ORDER.format(count=number).encode())
            place.database.connection.execute(_NEWS)
            ordered = number
        return not place.count(_WAITING_JOBS)

    return place.measure(lambda: ordered - place.count(_WAITING_JOBS), is_over, _LONG_SECONDS)


def _measure_messages(
    folder: Path, cluster: "Cluster", dintero: Outside, shift: Shift, polls: Use
) -> tuple[Use, float]:
    """Let accounts ask for a signature and get it, half of them after the other; return use and bytes."""
    dintero.do(CannedDintero.fill, shift.changes, has_etags=True)
    accounts = list_account_ids(shift.changes)
    half = shift.changes // 2
    with Outside(Channels) as slack:
        place = _open(folder / "messages", cluster, dintero, slack, telling=_tell_channels(slack))
        with place:
            place.hire(_watch(shift.changes))
            _await_first_pass(place, shift.changes)
            _let_live(place, dintero, slack, accounts[:half])
            before, asked = _measure_bytes(place), dintero.do(CannedDintero.count_requests)

            def live(_so_far: float) -> bool:
                _let_live(place, dintero, slack, accounts[half:])
                return True

            use = place.measure(lambda: slack.do(Channels.count_taken), live, _LONG_SECONDS)
            asked = dintero.do(CannedDintero.count_requests) - asked
            grown = _measure_bytes(place) - before
    return use.less(asked, polls), grown / (2 * (shift.changes - half))


def _let_live(place: Workplace, dintero: Outside, slack: Outside, accounts: tuple[str, ...]) -> None:
    """Let accounts ask and then sign, and wait for the card of each, its update and its reply."""
    told = slack.do(Channels.count_taken)
    for account_id in accounts:
        dintero.do(CannedDintero.ask_for_signature, account_id)
    _await_messages(place, slack, told + len(accounts))
    for account_id in accounts:
        dintero.do(CannedDintero.set_status, account_id, "enabled")
    _await_messages(place, slack, told + 3 * len(accounts))


def _await_messages(place: Workplace, slack: Outside, count: int) -> None:
    place.wait(lambda: slack.do(Channels.count_taken) >= count, _LONG_SECONDS, f"{count} messages")


def _measure_held(folder: Path, cluster: "Cluster", dintero: Outside, held: tuple[int, int]) -> float:
    """Return the bytes of a worker for each connection that it holds."""
    found = []
    for count in held:
        with _open(folder / f"held-{count}", cluster, dintero) as place:
            running = place.hire(_watch(count))
            sleep(_SETTLE_SECONDS)
            found.append(running.read_resident_bytes())
    return (found[1] - found[0]) / (held[1] - held[0])


def _measure_empty(folder: Path, cluster: "Cluster", partner: Outside) -> float:
    """Return the bytes of a worker that has looked at a partner without accounts."""
    partner.do(CannedPartner.fill, 0, PAGE_NAMES)
    with _open(folder / "empty", cluster, partner) as place:
        running = place.hire("discover = true")
        place.wait(lambda: partner.do(CannedPartner.count_walks) > 1, _LONG_SECONDS, "two walks")
        return float(running.read_resident_bytes())


def _measure_pages(folder: Path, cluster: "Cluster", partner: Outside, shift: Shift) -> Use:
    """Return what pages take that were seen before, with the rows and marks around them."""
    partner.do(CannedPartner.fill, shift.partner, PAGE_NAMES)
    with _open(folder / "pages", cluster, partner) as place:
        place.hire("discover = true")
        place.wait(
            lambda: place.count(_CONNECTIONS) >= shift.partner * len(PAGE_NAMES), _LONG_SECONDS, "rows"
        )
        walks = partner.do(CannedPartner.count_walks)
        place.wait(lambda: partner.do(CannedPartner.count_walks) > walks + 1, _LONG_SECONDS, "two walks more")
        return place.measure(
            lambda: partner.do(CannedPartner.count_pages),
            lambda so_far: so_far >= shift.seconds,
            _LONG_SECONDS,
        )


def _open(folder: Path, cluster: "Cluster", dintero: Outside, *others: Outside, **named: str) -> Workplace:
    base_url = dintero.do(CannedDintero.base_url)
    return Workplace(folder, cluster.make_database(), (dintero, *others), base_url, **named)


def _watch(accounts: int) -> str:
    return f'accounts = {write_list(list_account_ids(accounts))}\nconnections = ["{NAME}"]'


def _await_first_pass(place: Workplace, accounts: int) -> None:
    what = f"the first pass over {accounts} accounts"
    place.wait(lambda: place.count(_CONNECTIONS) >= accounts, _LONG_SECONDS, what)
    sleep(_SETTLE_SECONDS)


def _measure_bytes(place: Workplace) -> float:
    """Measure while nothing is read: who reads has taken the marks out of the rows."""
    with _resting(place):
        return place.database.measure_bytes()


@contextmanager
def _resting(place: Workplace) -> Iterator[None]:
    """Let no shard be due until the block ends."""
    place.database.connection.execute(_NEVER)
    sleep(_SETTLE_SECONDS)
    try:
        yield
    finally:
        place.database.connection.execute(_NEVER.replace("+", "-"))


def _count_requests(dintero: Outside) -> Callable[[], int]:
    return lambda: dintero.do(CannedDintero.count_requests)


def _tell_channels(slack: Outside) -> str:
    """Write a receiver for each channel, without a pace, and a route to it for some of the accounts."""
    channels = slack.do(Channels.add_channels, CHANNELS)
    token, base_url = slack.do(Channels.token), slack.do(Channels.base_url)
    parts = [f'[slack]\nbot_token = "{token}"\nbase_url = "{base_url}"\n[delivery]\nstorm_cards = 0']
    for number, channel in enumerate(channels):
        accounts = write_list(tuple(f"*{last:02d}" for last in range(number, 100, CHANNELS)))
        parts.append(
            f'[receivers.channel_{number}]\nkind = "slack"\nchannel = "{channel}"\npace_seconds = 0\n'
            f'[[routes]]\nreceivers = ["channel_{number}"]\naccounts = {accounts}'
        )
    return "\n".join(parts)
