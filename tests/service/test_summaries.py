"""The weekly summary, from a real store: what it counts, and that there is one a week."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from notifier.domain.first_run import FirstRun
from notifier.domain.model import ConnectionKey, ConnectionSnapshot, Event
from notifier.domain.plan import Directory
from notifier.domain.summary import Appointment
from notifier.domain.watch import AccountTarget
from notifier.service.summaries import Summaries
from tests.fakes import (
    ACCOUNT,
    NOW,
    FakeSource,
    make_account,
    make_connection,
    make_outcome,
    make_request,
)
from tests.service.conftest import MakeService, Service

WHOLE = AccountTarget("dintero", ACCOUNT)
MONDAY = Appointment(0, 9 * 60, UTC)
"""The clock of the tests starts on a Sunday, at 12:00."""


def _summarise(service: Service) -> Summaries:
    directory = Directory({one.name: one.destination for one in (service.sales, service.oncall)}, {})
    return Summaries(service.database, service.clock, directory, "oncall", MONDAY, service.dispatcher.wake)


def _named(name: str, status: str, *events: Event) -> ConnectionSnapshot:
    own = tuple(replace(event, event_id=f"{name}-{event.event_id}") for event in events)
    return make_connection(status, *own, key=ConnectionKey(ACCOUNT, name), signup_id=f"signup-{name}")


async def _pass(service: Service, chore: Summaries, hours: int) -> None:
    for _ in range(hours):
        service.clock.advance(3600)
        await chore.tend()
        await service.dispatcher.drain(0)


async def test_a_week_is_counted_from_the_store(make_service: MakeService) -> None:
    """Signed, declined and open of live accounts, with the time from the request to the signature."""
    pending = (_named("vipps", "pending", make_request()), _named("swish", "pending", make_request()))
    service = make_service(FakeSource(make_account(*pending, _named("klarna", "pending", make_request()))))
    test = make_account(account_id="T12345678")
    on_test = make_connection(
        "pending", make_request(), key=ConnectionKey("T12345678", "vipps"), signup_id="t"
    )
    service.source.show(replace(test, connections=(on_test,)))
    targets = (WHOLE, AccountTarget("dintero", "T12345678"))
    await service.start(*targets)
    await service.poll(*targets)
    service.source.show(
        make_account(
            _named("vipps", "enabled", make_request(), make_outcome("enabled")),
            _named("swish", "declined", make_request(), make_outcome("declined")),
            _named("klarna", "pending", make_request()),
        )
    )
    await service.poll(*targets)
    before = len(service.oncall.taken)
    await _pass(service, _summarise(service), 22)
    (summary,) = service.oncall.taken[before:]
    assert summary.headline == "The week: 1 signed, 1 open, 1 declined, 0 failed"
    assert [line.label for line in summary.lines] == [
        "Open: 1 for less than a day",
        "swish: 1 declined",
        "vipps: 1 signed; from the request to the signature: median 59 min, 90th percentile 59 min",
    ]
    assert [moment.at for moment in summary.moments] == [
        datetime(2026, 11, 16, 9, tzinfo=UTC),
        datetime(2026, 11, 23, 9, tzinfo=UTC),
    ]


async def test_there_is_one_a_week_whatever_is_restarted(make_service: MakeService) -> None:
    """It is sent once, by the first run that lives when it is due, and again the week after."""
    service = make_service(FakeSource(make_account(make_connection("pending", make_request()))))
    await service.start(WHOLE)
    await service.poll(WHOLE)
    for _ in range(4):
        await _pass(service, _summarise(service), 24)
    assert len(service.oncall.taken) == 1
    await _pass(service, _summarise(service), 7 * 24)
    assert len(service.oncall.taken) == 2


async def test_nothing_is_said_of_a_week_before_the_first(make_service: MakeService) -> None:
    """Whoever starts on a Sunday gets no summary of a week in which nothing was watched."""
    service = make_service(FakeSource(make_account(make_connection("pending", make_request()))))
    chore = _summarise(service)
    await service.start(WHOLE)
    await chore.tend()
    await service.poll(WHOLE)
    await _pass(service, _summarise(service), 12)
    assert service.oncall.taken == []


async def test_what_the_first_run_found_is_not_of_this_week(make_service: MakeService) -> None:
    """What had ended before is not counted, nor what ended at a time that nobody knows."""
    old = _named("vipps", "enabled", replace(make_outcome("enabled"), created_at=NOW - timedelta(days=30)))
    service = make_service(FakeSource(make_account(old, _named("swish", "enabled"))), first_run=FirstRun.OPEN)
    await service.start(WHOLE)
    await service.poll(WHOLE)
    await _pass(service, _summarise(service), 24)
    assert service.oncall.headlines == ["The week: 0 signed, 0 open, 0 declined, 0 failed"]
