"""What the poller makes of a source's answers, with a real store behind it."""

from sqlalchemy import Connection

from notifier.domain.first_run import FirstRun
from notifier.domain.model import AccountSnapshot, ConnectionKey
from notifier.domain.watch import AccountTarget, ConnectionTarget, PartnerTarget
from notifier.errors import SourceMalformed, SourceUnauthorized, SourceUnavailable
from tests.fakes import (
    ACCOUNT,
    VIPPS,
    FakeSource,
    make_account,
    make_connection,
    make_outcome,
    make_request,
)
from tests.service.conftest import MakeService

WHOLE = AccountTarget("dintero", ACCOUNT)
SINGLE = ConnectionTarget("dintero", VIPPS)
PARTNER = PartnerTarget("dintero", "P11200000")

ASKED = "Signature needed"
SIGNED = "Signed: the connection is enabled"


async def test_a_request_and_its_outcome_are_told_once_each(make_service: MakeService) -> None:
    """A request for a signature and what follows it go to sales, each once however often it is read."""
    service = make_service(FakeSource(make_account(make_connection("pending", make_request()))))
    await service.start(WHOLE)
    await service.poll(WHOLE)
    await service.poll(WHOLE)
    service.source.show(make_account(make_connection("enabled", make_request(), make_outcome("enabled"))))
    await service.poll(WHOLE)
    await service.poll(WHOLE)
    assert service.sales.headlines == [ASKED, SIGNED]
    assert service.oncall.headlines == []


async def test_a_second_run_says_nothing_again(make_service: MakeService) -> None:
    """A new process on the same store, whose memory is empty, tells nothing that was told."""
    source = FakeSource(make_account(make_connection("pending", make_request())))
    first = make_service(source)
    await first.start(WHOLE)
    await first.poll(WHOLE)
    second = make_service(source)
    await second.start(WHOLE)
    await second.poll(WHOLE)
    assert (first.sales.headlines, second.sales.headlines) == ([ASKED], [])


async def test_a_poll_without_a_change_writes_nothing(make_service: MakeService) -> None:
    """Neither an answer that was seen before nor one that only looks different touches the store's file."""
    source = FakeSource(make_account(make_connection("pending", make_request())))
    service = make_service(source)
    await service.start(WHOLE)
    await service.poll(WHOLE)
    before = service.database.read_now(_read_mark_of_writes)
    await service.poll(WHOLE)
    again = make_service(source)
    await again.poller.poll(WHOLE)
    assert service.database.read_now(_read_mark_of_writes) == before


async def test_a_failure_is_told_to_oncall_and_to_sales(make_service: MakeService) -> None:
    """A connection that fails is told to both, and the mention is wanted for a live account."""
    service = make_service(FakeSource(make_account(make_connection("pending", make_request()))))
    await service.start(WHOLE)
    await service.poll(WHOLE)
    service.source.show(make_account(make_connection("failed", make_request(), make_outcome("failed"))))
    await service.poll(WHOLE)
    assert service.sales.headlines[1:] == ["The connection failed"]
    assert [one.wants_mention for one in service.oncall.taken] == [True]


async def test_a_connection_that_vanished_is_gone_only_when_a_direct_read_says_so(
    make_service: MakeService,
) -> None:
    """A complete answer without the connection is believed only after asking for it directly."""

    class Flickering(FakeSource):
        async def confirm(self, key: ConnectionKey) -> AccountSnapshot | None:
            self.confirmed.append(key)
            return make_account(make_connection("pending", make_request())) if is_there else None

    source = Flickering(make_account(make_connection("pending", make_request())))
    service = make_service(source)
    await service.start(WHOLE)
    await service.poll(WHOLE)
    source.show(make_account())
    is_there = True
    await service.poll(WHOLE)
    assert service.sales.headlines == [ASKED]
    is_there = False
    source.show(AccountSnapshot(make_account().account, (), is_complete=True, problems=("odd",)))
    await service.poll(WHOLE)
    await service.poll(WHOLE)
    assert service.sales.headlines == [ASKED, "The connection was withdrawn"]


async def test_a_connection_that_never_was_is_no_news_and_its_first_appearance_is(
    make_service: MakeService,
) -> None:
    """404 is normal for a merchant who has not applied; the application that follows is told in full."""
    source = FakeSource(make_account())
    service = make_service(source, first_run=FirstRun.NONE)
    await service.start(SINGLE)
    await service.poll(SINGLE)
    assert service.poller.problems == {}
    restarted = make_service(source, first_run=FirstRun.NONE)
    await restarted.start(SINGLE)
    source.show(make_account(make_connection("pending", make_request())))
    await restarted.poll(SINGLE)
    assert restarted.sales.headlines == [ASKED]


async def test_a_single_connection_is_gone_after_a_second_404(make_service: MakeService) -> None:
    """A connection that is read alone and was there is asked for once more before it counts as withdrawn."""
    source = FakeSource(make_account(make_connection("pending", make_request())))
    service = make_service(source)
    await service.start(SINGLE)
    await service.poll(SINGLE)
    source.show(make_account())
    await service.poll(SINGLE)
    assert source.confirmed[-1] == VIPPS
    assert service.sales.headlines == [ASKED, "The connection was withdrawn"]


async def test_an_unknown_account_is_a_problem(make_service: MakeService) -> None:
    """404 for a whole account is no merchant who has not applied: somebody must mend the settings."""
    service = make_service(FakeSource())
    await service.start(WHOLE)
    await service.poll(WHOLE)
    assert "unknown to Dintero" in service.poller.problems[str(WHOLE)]


async def test_a_problem_is_kept_while_it_lasts_and_cleared_when_it_is_over(
    make_service: MakeService,
) -> None:
    """A target that cannot be read is remembered across runs, and forgotten when it can be read again."""
    source = FakeSource(make_account())
    service = make_service(source)
    await service.start(WHOLE)
    source.errors.append(SourceUnauthorized("the credentials are wrong", status=401))
    await service.poll(WHOLE)
    assert service.poller.problems == {str(WHOLE): "the credentials are wrong"}
    again = make_service(source)
    await again.start(WHOLE)
    assert again.poller.problems == {str(WHOLE): "the credentials are wrong"}
    await again.poll(WHOLE)
    assert again.poller.problems == {}
    assert await service.database.run(lambda books: books.load_problems()) == {}


async def test_a_fault_of_our_own_stops_nothing_else(make_service: MakeService) -> None:
    """An exception that nobody foresaw costs one poll and is named, without its text."""
    source = FakeSource(make_account(make_connection("pending", make_request())))
    source.errors.append(ZeroDivisionError("https://sign.example.com/secret"))
    service = make_service(source)
    await service.start(WHOLE)
    await service.poll(WHOLE)
    assert "ZeroDivisionError" in service.poller.problems[str(WHOLE)]
    assert "secret" not in service.poller.problems[str(WHOLE)]
    await service.poll(WHOLE)
    assert service.sales.headlines == [ASKED]


async def test_the_first_walk_is_a_first_run_and_later_accounts_are_news(make_service: MakeService) -> None:
    """Accounts of the first complete walk follow first_run; those that appear later are told in full."""
    old = make_account(
        make_connection("enabled", make_outcome("enabled"), key=ConnectionKey("P10000001", "vipps")),
        account_id="P10000001",
    )
    source = FakeSource(old)
    service = make_service(source)
    await service.start(PARTNER)
    await service.poll(PARTNER)
    assert service.sales.headlines == []
    key = ConnectionKey("P10000002", "swish")
    source.show(
        make_account(make_connection("enabled", make_outcome("enabled"), key=key), account_id="P10000002")
    )
    await service.poll(PARTNER)
    assert service.sales.headlines == ["The connection is enabled"]


async def test_a_walk_that_broke_off_is_no_complete_walk(make_service: MakeService) -> None:
    """A first walk that fails half-way leaves the rest to a first run, and ends no case."""
    accounts = [
        make_account(
            make_connection("enabled", make_outcome("enabled"), key=ConnectionKey(one, "vipps")),
            account_id=one,
        )
        for one in ("P10000001", "P10000002")
    ]
    source = FakeSource(*accounts)
    source.errors.append(SourceUnavailable("no answer"))
    service = make_service(source)
    await service.start(PARTNER)
    await service.poll(PARTNER)
    await service.poll(PARTNER)
    assert service.sales.headlines == []
    source.errors.append(SourceMalformed("odd"))
    await service.poll(PARTNER)
    assert service.sales.headlines == []


async def test_an_account_that_left_its_partner_ends_its_cases_visibly(make_service: MakeService) -> None:
    """An account that a complete walk does not show, but that is there, is no longer watched: said once."""
    here = make_account(make_connection("pending", make_request()))
    other = make_account(account_id="P10000001")

    class Leaving(FakeSource):
        async def confirm_account(self, account_id: str) -> AccountSnapshot | None:
            return here if account_id == ACCOUNT else None

    source = Leaving(here, other)
    service = make_service(source)
    await service.start(PARTNER)
    await service.poll(PARTNER)
    del source.accounts[ACCOUNT]
    await service.poll(PARTNER)
    await service.poll(PARTNER)
    assert service.sales.headlines == [ASKED, "The account is no longer watched"]


async def test_an_account_taken_out_of_the_settings_ends_its_cases_visibly(make_service: MakeService) -> None:
    """What no target covers any more is said to be no longer watched when the next run starts."""
    source = FakeSource(make_account(make_connection("pending", make_request())))
    first = make_service(source)
    await first.start(WHOLE)
    await first.poll(WHOLE)
    second = make_service(source)
    other = AccountTarget("dintero", "P10000001")
    await second.start(other)
    await second.dispatcher.drain(0)
    third = make_service(source)
    await third.start(other)
    await third.dispatcher.drain(0)
    assert second.sales.headlines == ["The account is no longer watched"]
    assert third.sales.headlines == []


async def test_parts_that_cannot_be_read_are_named_while_the_rest_works(make_service: MakeService) -> None:
    """One bad connection is a problem by name; the good ones beside it are told."""
    good = make_connection("pending", make_request())
    account = make_account().account
    source = FakeSource(
        AccountSnapshot(
            account, (good,), is_complete=True, problems=("swish is odd.",), unreadable=frozenset({"swish"})
        )
    )
    service = make_service(source)
    await service.start(WHOLE)
    await service.poll(WHOLE)
    await service.poll(WHOLE)
    assert service.sales.headlines == [ASKED]
    assert service.poller.problems == {str(WHOLE): "swish is odd."}
    source.show(make_account(good))
    await service.poll(WHOLE)
    assert service.poller.problems == {}


async def test_somebody_waiting_makes_a_target_pending(make_service: MakeService) -> None:
    """A target is read more often while a connection of it is pending, and no longer than that."""
    service = make_service(FakeSource(make_account(make_connection("pending", make_request()))))
    await service.start(WHOLE)
    await service.poll(WHOLE)
    assert service.poller.is_pending(WHOLE)
    service.source.show(make_account(make_connection("enabled", make_request(), make_outcome("enabled"))))
    await service.poll(WHOLE)
    assert not service.poller.is_pending(WHOLE)


def _read_mark_of_writes(connection: Connection) -> int:
    # PostgreSQL gives a transaction a number when it writes.
    is_file = connection.dialect.name == "sqlite"
    ask = "SELECT total_changes()" if is_file else "SELECT pg_snapshot_xmax(pg_current_snapshot())::text"
    return int(connection.exec_driver_sql(ask).scalar_one())
