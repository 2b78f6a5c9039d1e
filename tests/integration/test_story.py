"""What the store tells of what was kept back, covered, superseded, or bears the id of something else."""

from dataclasses import replace

from sqlalchemy import delete

from notifier.commands import narration
from notifier.domain.compose import House
from notifier.domain.delivery import DeliveryState, Notification, Purpose, Traits
from notifier.domain.first_run import FirstRun
from notifier.domain.model import ConnectionKey
from notifier.domain.notices import Notice, NoticeKind
from notifier.domain.plan import Directory
from notifier.domain.retry import RetryPolicy
from notifier.domain.routes import DEFAULT_ROUTES
from notifier.domain.story import Kind, Standing, Story
from notifier.domain.watch import AccountTarget
from notifier.service.courier import Courier
from notifier.service.dispatcher import Dispatcher
from notifier.service.planner import Planner
from notifier.service.poller import Poller
from notifier.service.ports import Books
from notifier.service.recorder import Recorder
from notifier.store import tables
from notifier.store.database import Database
from notifier.store.story import read_story
from tests.fakes import (
    ACCOUNT,
    NOW,
    FakeClock,
    FakeReceiver,
    FakeSource,
    make_account,
    make_connection,
    make_outcome,
    make_request,
)

WHOLE = AccountTarget("dintero", ACCOUNT)
PLACE = f"{ACCOUNT}/vipps"


def _read(database: Database, asked: str) -> Story:
    subjects, story = database.read_now(lambda connection: read_story(connection, asked))
    assert story is not None, subjects
    return story


class Run:
    """One run of the program on a store, with a receiver that has threads."""

    def __init__(self, database: Database, clock: FakeClock, source: FakeSource) -> None:
        self.sales = FakeReceiver("sales")
        self.sales.traits = Traits(has_threads=True)
        receivers = {"sales": self.sales}
        courier = Courier(receivers, clock, House(), RetryPolicy(), lambda: 0.5)
        self.dispatcher = Dispatcher(receivers, database, clock, courier, RetryPolicy())
        directory = Directory(
            {"sales": self.sales.destination},
            {"oncall": "sales"},
            {self.sales.destination: self.sales.traits},
        )
        recorder = Recorder(database, clock, Planner(DEFAULT_ROUTES, directory), FirstRun.ALL)
        self.poller = Poller({"dintero": source}, database, recorder, clock, self.dispatcher.wake)
        self.clock = clock

    async def poll(self) -> None:
        """Read everything once and send what is due, a minute after the last time."""
        self.clock.advance(60)
        await self.poller.poll(WHOLE)
        await self.dispatcher.drain(0)


async def test_a_case_tells_of_all_that_became_of_it(database: Database, clock: FakeClock) -> None:
    """Events, decisions, followers and messages of a case must come in their order, each with its reason."""
    source = FakeSource(make_account(make_connection("pending", make_request())))
    run = Run(database, clock, source)
    await run.poll()
    source.show(make_account(make_connection("enabled", make_request(), make_outcome("enabled"))))
    await run.poll()
    story = _read(database, PLACE)
    assert story.subject.kind is Kind.CASE
    assert [one.event_id for one in story.events] == ["event-1", "event-100"]
    assert [one.has_link for one in story.events] == [True, False]
    assert [one.topic for one in story.decisions if one.is_told] == ["signature_required", "enabled"]
    assert [one.receiver for one in story.followers] == ["sales"]
    assert {one.form for one in story.list_messages() if one.state == "delivered"} == {
        "message",
        "reply",
        "update",
    }
    drawn = narration.draw(story)
    assert drawn.index("signature_required, status pending") < drawn.index("enabled, status enabled")
    assert "sign.example.com" not in drawn + narration.dump(story)


async def test_places_and_permalinks_belong_together(database: Database, clock: FakeClock) -> None:
    """Each place must be asked for once, and its address stand at everything that stands there."""
    source = FakeSource(make_account(make_connection("pending", make_request())))
    run = Run(database, clock, source)
    await run.poll()
    story = _read(database, PLACE)
    (place,) = story.list_places()
    assert place == Standing("sales", "C1", "1.0")
    linked = story.add_permalinks({place: "https://slack.example/archives/C1/p10"})
    assert {one.permalink for one in linked.list_messages() if one.message_ref} == {
        "https://slack.example/archives/C1/p10"
    }
    assert linked.followers[0].permalink == "https://slack.example/archives/C1/p10"
    assert "https://slack.example/archives/C1/p10 (channel C1, ts 1.0)" in narration.draw(linked)


async def test_a_superseded_case_tells_what_took_its_place(database: Database, clock: FakeClock) -> None:
    """The card of an earlier case changes with the next signup: its story must say by which change."""
    source = FakeSource(make_account(make_connection("pending", make_request())))
    run = Run(database, clock, source)
    await run.poll()
    earlier = _read(database, PLACE)
    assert earlier.case is not None
    second = make_connection("pending", make_request(), make_request(2), signup_id="signup-2")
    signup = replace(second.signups[0], created_at=NOW)
    request = replace(make_request(2), created_at=NOW)
    source.show(make_account(replace(second, signups=(signup,), events=(make_request(), request))))
    await run.poll()
    story = _read(database, earlier.case.case_id)
    assert story.case is not None
    assert story.case.end == "superseded"
    assert "which has taken this one's place" in narration.draw(story)
    present = _read(database, PLACE)
    assert present.case is not None
    assert present.case.case_id != earlier.case.case_id


async def test_an_id_of_several_things_names_them(database: Database, clock: FakeClock) -> None:
    """The same event id at two connections must not be explained as one of them."""
    other = make_connection("pending", make_request(), key=ConnectionKey(ACCOUNT, "swish"))
    source = FakeSource(make_account(make_connection("pending", make_request()), other))
    await Run(database, clock, source).poll()
    subjects, story = database.read_now(lambda connection: read_story(connection, "event-1"))
    assert story is None
    assert sorted(one.whose for one in subjects) == [f"{ACCOUNT}/swish", PLACE]
    for one in subjects:
        assert one.whose in narration.draw(_read(database, one.key))


async def test_what_is_kept_back_says_by_what(database: Database, clock: FakeClock) -> None:
    """Muted and covered messages must name the silence, or the message that stands for them and its place."""
    source = FakeSource(make_account(make_connection("pending", make_request())))
    await Run(database, clock, source).poll()
    (told,) = [one for one in _read(database, PLACE).list_messages() if one.purpose == Purpose.TELL]
    shown: list[str] = []
    for state, by in ((DeliveryState.MUTED, "silence s-1"), (DeliveryState.COVERED, "digest-1")):

        def job(books: Books, state: DeliveryState = state, by: str = by) -> None:
            values = {"state": state, "covered_by": by}
            which = tables.outbox.c.notification_id == told.notification_id
            books.outbox._connection.execute(tables.outbox.update().where(which).values(values))  # type: ignore[attr-defined]

        await database.run(job)
        shown.append(narration.draw(_read(database, PLACE)))
    assert "state  kept back by silence s-1" in shown[0]
    assert "by digest-1" in shown[1]

    def add_digest(books: Books) -> None:
        books.notices.save([Notice("digest-1", NoticeKind.DIGEST, "digest-1", NOW)])
        one = Notification("digest-1", "digest-1", "digest-1", "sales", "x", "digest", Purpose.NOTICE)
        books.outbox.enqueue([one], NOW)

    await database.run(add_digest)
    assert "by digest, due (digest-1)" in narration.draw(_read(database, PLACE))
    digest = _read(database, "digest-1")
    assert digest.subject.kind is Kind.NOTICE
    drawn = narration.draw(digest)
    assert "it stands for 1 message\n" in drawn
    assert "message  digest-1 to sales: digest" in drawn


async def test_an_event_whose_decision_was_forgotten_says_so(database: Database, clock: FakeClock) -> None:
    """After the time that things are kept for, what is left must be told, and that more is not kept."""
    source = FakeSource(make_account(make_connection("pending", make_request())))
    await Run(database, clock, source).poll()

    def forget(books: Books) -> None:
        for table in (tables.changes, tables.outbox, tables.attempts):
            books.outbox._connection.execute(delete(table))  # type: ignore[attr-defined]

    await database.run(forget)
    drawn = narration.draw(_read(database, "event-1"))
    assert PLACE in drawn
    assert "No decision about it is kept" in drawn
