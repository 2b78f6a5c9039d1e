"""What on-call hears of the notifier's own troubles, with a real store behind it."""

from datetime import timedelta

import pytest

from notifier.domain.delivery import Form, Traits
from notifier.domain.model import ConnectionKey
from notifier.domain.plan import Directory
from notifier.domain.watch import AccountTarget, Target
from notifier.errors import (
    DeliveryRejected,
    SourceMalformed,
    SourceNotFound,
    SourceUnauthorized,
    SourceUnavailable,
)
from notifier.service.blindness import Blindness
from tests.fakes import (
    ACCOUNT,
    FakeReceiver,
    FakeSource,
    make_account,
    make_connection,
    make_request,
)
from tests.service.conftest import MakeService, Service

WHOLE = AccountTarget("dintero", ACCOUNT)
UNREADABLE = "The notifier cannot read Dintero"
OVER = "Over: the notifier cannot read Dintero"
AFTER = timedelta(minutes=10)


class Threads(FakeReceiver):
    """A receiver whose messages can be updated and replied to."""

    traits = Traits(has_threads=True)


def _watch(service: Service, *targets: Target, only: str = "") -> Blindness:
    receivers = [one for one in (service.sales, service.oncall) if not only or one.name == only]
    names = {one.name: one.name for one in receivers}
    directory = Directory(
        {one.name: one.destination for one in receivers},
        names | {"oncall": names.get("oncall", only)},
        {one.destination: one.traits for one in receivers},
    )
    return Blindness(
        service.database, service.clock, targets or (WHOLE,), directory, AFTER, service.dispatcher.wake
    )


async def _pass(service: Service, watch: Blindness, minutes: float, *targets: Target) -> None:
    """Let some minutes pass, in which everything is read and looked at once a minute."""
    for _ in range(round(minutes)):
        service.clock.advance(60)
        await service.poll(*(targets or (WHOLE,)))
        await watch.tend()
        await service.dispatcher.drain(0)


def _failing(make_service: MakeService, *errors: Exception, oncall: FakeReceiver | None = None) -> Service:
    source = FakeSource(make_account(make_connection("pending", make_request())))
    source.errors = list(errors)
    return make_service(source, oncall=oncall or Threads("oncall"))


async def test_an_outage_is_one_message_one_update_and_one_end(make_service: MakeService) -> None:
    """On-call gets one message after ten minutes, which is kept true in place, and one word at the end."""
    errors = [SourceUnavailable("down") for _ in range(20)] + [SourceUnavailable("worse") for _ in range(20)]
    service = _failing(make_service, *errors)
    watch = _watch(service)
    await service.start(WHOLE)
    await _pass(service, watch, 9)
    assert service.oncall.taken == []
    await _pass(service, watch, 51)
    forms = [place.form for place in service.oncall.places]
    assert forms == [Form.MESSAGE, Form.UPDATE, Form.UPDATE, Form.REPLY]
    assert service.oncall.headlines == [UNREADABLE, UNREADABLE, OVER, OVER]
    assert [str(one.facts[0].value) for one in service.oncall.taken] == ["down", "worse", "worse", "worse"]
    assert {place.root for place in service.oncall.places[1:]} == {"1.0"}
    assert [one.is_over for one in service.oncall.taken] == [False, False, True, True]
    assert [one.wants_mention for one in service.oncall.taken] == [True, True, False, False]
    assert all("notifier" not in headline for headline in service.sales.headlines)


async def test_a_receiver_without_threads_hears_of_the_beginning_and_the_end(
    make_service: MakeService,
) -> None:
    """Where nothing can be updated, what changes in between is left out."""
    errors = [SourceUnavailable(f"down {number}") for number in range(30)]
    service = _failing(make_service, *errors, oncall=FakeReceiver("oncall"))
    watch = _watch(service)
    await service.start(WHOLE)
    await _pass(service, watch, 40)
    assert service.oncall.headlines == [UNREADABLE, OVER]
    assert service.oncall.taken[0].case_id == service.oncall.taken[1].case_id


async def test_words_that_are_others_at_every_poll_do_not_change_the_card_each_time(
    make_service: MakeService,
) -> None:
    """A card is brought up to date every five minutes at the most."""
    service = _failing(make_service, *[SourceUnavailable(f"wait {number} s") for number in range(61)])
    watch = _watch(service)
    await service.start(WHOLE)
    await _pass(service, watch, 60)
    assert len(service.oncall.taken) == 1 + 49 // 5


async def test_a_restart_says_nothing_again(make_service: MakeService) -> None:
    """What was told is known to the next run, and what it tells at the end goes to the same thread."""
    first = _failing(make_service, *[SourceUnavailable("down") for _ in range(99)])
    await first.start(WHOLE)
    await _pass(first, _watch(first), 15)
    assert first.oncall.headlines == [UNREADABLE]
    second = make_service(first.source, oncall=Threads("oncall"))
    await second.start(WHOLE)
    watch = _watch(second)
    await _pass(second, watch, 15)
    assert second.oncall.taken == []
    second.source.errors.clear()
    await _pass(second, watch, 1)
    assert [place.form for place in second.oncall.places] == [Form.UPDATE, Form.REPLY]


@pytest.mark.parametrize(
    ("error", "headline", "minutes"),
    [
        (SourceUnauthorized("401"), "Dintero refuses the notifier's credentials", 1),
        (SourceMalformed("a list"), "Dintero's answers have a new shape", 11),
    ],
    ids=["credentials", "shape"],
)
async def test_the_kind_of_a_problem_outlives_the_poll(
    make_service: MakeService, error: Exception, headline: str, minutes: float
) -> None:
    """Refused credentials are told at once, another shape under its own name."""
    service = _failing(make_service, *[error] * 60)
    watch = _watch(service)
    await service.start(WHOLE)
    await _pass(service, watch, minutes)
    assert service.oncall.headlines == [headline]


async def test_parts_that_cannot_be_understood_are_a_new_shape(make_service: MakeService) -> None:
    """An answer of which only a part can be read leaves somebody blind as well."""
    service = _failing(make_service)
    whole = make_account(make_connection("pending", make_request()))
    service.source.show(type(whole)(whole.account, whole.connections, is_complete=True, problems=("swish",)))
    watch = _watch(service)
    await service.start(WHOLE)
    await _pass(service, watch, 12)
    assert service.oncall.headlines == ["Dintero's answers have a new shape"]


async def test_an_account_that_is_unknown_is_unreadable(make_service: MakeService) -> None:
    """A mistyped account id is told as what it is, and not as a shape."""
    service = _failing(make_service)
    unknown = AccountTarget("dintero", "P99999999")
    watch = _watch(service, unknown)
    await service.start(unknown)
    await _pass(service, watch, 12, unknown)
    assert service.oncall.headlines == [UNREADABLE]
    assert "P99999999 is unknown" in str(service.oncall.taken[0].facts[0].value)


async def test_what_cannot_be_read_is_read_again_soon(make_service: MakeService) -> None:
    """A quiet account that fails is looked at as often as a pending one: or nobody knows when it is over."""
    service = make_service(FakeSource(make_account(make_connection("enabled"))))
    await service.start(WHOLE)
    await service.poll(WHOLE)
    assert not service.poller.is_pending(WHOLE)
    service.source.errors = [SourceUnavailable("down")]
    await service.poll(WHOLE)
    assert service.poller.is_pending(WHOLE)
    await service.poll(WHOLE)
    assert not service.poller.is_pending(WHOLE)


async def test_connections_that_all_vanish_are_told_of_until_they_are_back(make_service: MakeService) -> None:
    """An account that showed several connections and shows none is on-call's business, not sales' alone."""
    names = ("vipps", "swish", "klarna")
    listed = [
        make_connection("enabled", key=ConnectionKey(ACCOUNT, name), signup_id=f"signup-{name}")
        for name in names
    ]
    service = _failing(make_service)
    service.source.show(make_account(*listed))
    watch = _watch(service)
    await service.start(WHOLE)
    await _pass(service, watch, 2)
    service.source.show(make_account())
    await _pass(service, watch, 12)
    assert service.oncall.headlines == ["Connections that were there have vanished"]
    service.source.show(make_account(*listed))
    await _pass(service, watch, 2)
    assert service.oncall.headlines[-1] == "Over: connections that were there have vanished"


async def test_a_receiver_that_refuses_everything_is_told_of_to_oncall(make_service: MakeService) -> None:
    """When sales' channel is gone on-call hears of it, once, and once more when it is back."""
    service = _failing(make_service)
    service.sales.errors = [DeliveryRejected("not_in_channel", scope="receiver") for _ in range(8)]
    watch = _watch(service)
    await service.start(WHOLE)
    await _pass(service, watch, 20)
    assert service.oncall.headlines == ["A receiver takes no messages"]
    await _pass(service, watch, 120)
    assert service.oncall.headlines[-1] == "Over: a receiver takes no messages"
    assert [place.form for place in service.oncall.places].count(Form.MESSAGE) == 1
    assert service.sales.headlines == ["Signature needed"]


async def test_a_broken_oncall_is_told_of_to_the_others(make_service: MakeService) -> None:
    """On-call cannot be told that on-call cannot be told."""
    refusals = [DeliveryRejected("account_inactive", scope="receiver") for _ in range(40)]
    service = _failing(make_service, *[SourceUnauthorized("401")] * 60, oncall=Threads("oncall", *refusals))
    watch = _watch(service)
    await service.start(WHOLE)
    await _pass(service, watch, 20)
    assert service.sales.headlines == ["A receiver takes no messages"]
    assert service.oncall.taken == []


async def test_a_lone_receiver_that_fails_is_an_incident_without_a_message(make_service: MakeService) -> None:
    """Nobody is there to be told, but the incident is known: the heartbeat tells of it."""
    service = _failing(make_service)
    service.sales.errors = [DeliveryRejected("not_in_channel", scope="receiver") for _ in range(99)]
    watch = _watch(service, only="sales")
    await service.start(WHOLE)
    await _pass(service, watch, 10)
    opened = await service.database.run(lambda books: books.notices.list_open_incidents())
    assert [one.subject for one in opened] == ["receiver sales"]
    assert service.oncall.taken == []


async def test_a_hold_without_anything_waiting_is_no_incident(make_service: MakeService) -> None:
    """When somebody has dropped what a receiver did not take, nothing is wrong any more."""
    service = _failing(make_service)
    service.sales.errors = [DeliveryRejected("not_in_channel", scope="receiver")]
    watch = _watch(service)
    await service.start(WHOLE)
    await service.poll(WHOLE)
    (waiting,) = await service.database.run(lambda books: books.troubles.list_unsettled("sales"))
    now = service.clock.now()
    await service.database.run(lambda books: books.outbox.drop([waiting.notification_id], now))
    service.clock.advance(600)
    await watch.tend()
    await service.dispatcher.drain(0)
    assert service.oncall.taken == []


async def test_not_found_ends_what_was_told_of_an_account(make_service: MakeService) -> None:
    """An account that Dintero does not know any more leaves no signup open."""
    service = _failing(make_service)
    await service.start(WHOLE)
    await service.poll(WHOLE)
    service.source.accounts.clear()
    service.source.errors = [SourceNotFound("no account", status=404)]
    await service.poll(WHOLE)
    assert len(service.sales.taken) == 2
    assert "is unknown to Dintero" in service.poller.problems[str(WHOLE)]
