"""`notifier check`: every line is ok, or says what to do."""

from notifier.dintero import Credentials, DinteroSource
from notifier.domain.delivery import Finding, Level
from notifier.domain.model import ConnectionKey
from notifier.domain.watch import AccountTarget, ConnectionTarget, Target
from notifier.sandbox import SandboxDintero, answer
from tests.contract.dintero.conftest import ACCOUNT, CONNECTION, EVERYTHING, OWNER, WHOLE, MakeSource


async def check(source: DinteroSource, *targets: Target) -> list[Finding]:
    """Collect all findings."""
    return [finding async for finding in source.check(targets)]


async def test_all_is_well(source: DinteroSource) -> None:
    """The token and each target are ok."""
    findings = await check(source, CONNECTION, WHOLE, EVERYTHING)
    assert [finding.level for finding in findings] == [Level.OK] * 4
    assert "vipps pending" in findings[1].sentence
    assert "1 account." in findings[3].sentence


async def test_without_a_token_nothing_else_is_tried(make_source: MakeSource) -> None:
    """The one finding says what to check."""
    (finding,) = await check(make_source(Credentials(OWNER, "x", "y")), CONNECTION, WHOLE)
    assert finding.level is Level.PROBLEM
    assert "NOTIFIER_DINTERO__CLIENT_SECRET" in finding.sentence


async def test_an_unknown_account_is_a_problem(source: DinteroSource) -> None:
    """Both ways of watching it say that the account is not known."""
    stranger = "P99999999"
    targets = (
        AccountTarget("dintero", stranger),
        ConnectionTarget("dintero", ConnectionKey(stranger, "vipps")),
    )
    findings = await check(source, *targets)
    assert [finding.level for finding in findings[1:]] == [Level.PROBLEM, Level.PROBLEM, Level.WARNING]
    assert all("NOTIFIER_DINTERO__ACCOUNTS" in finding.sentence for finding in findings[1:3])


async def test_a_connection_that_nobody_applied_for_is_ok(source: DinteroSource) -> None:
    """It is told apart from an account that is not there, and the name is never seen."""
    target = ConnectionTarget("dintero", ConnectionKey(ACCOUNT, "swish"))
    _, finding, unseen = await check(source, target)
    assert finding.level is Level.OK
    assert "has not applied" in finding.sentence
    assert unseen.level is Level.WARNING
    assert "Dintero documents this name" in unseen.sentence


async def test_names_that_nobody_has_shown_are_told(source: DinteroSource, dintero: SandboxDintero) -> None:
    """A misspelt name is a warning; payex is seen in its products."""
    dintero.apply(ACCOUNT, "payex/creditcard")
    target = AccountTarget("dintero", ACCOUNT, frozenset({"payex", "vips", "vipps"}))
    findings = await check(source, target)
    assert [finding.level for finding in findings] == [Level.OK, Level.OK, Level.WARNING]
    assert "vips" in findings[2].subject
    assert "check the spelling" in findings[2].sentence


async def test_bad_parts_and_refusals_are_told(source: DinteroSource, dintero: SandboxDintero) -> None:
    """A connection that cannot be read is a warning, a target that cannot is a problem."""
    dintero.put_raw_connection(ACCOUNT, "klarna", 5)
    dintero.faults.add(answer(403).on("GET", "/connections/"))
    findings = await check(source, CONNECTION, WHOLE, EVERYTHING)
    assert [finding.level for finding in findings] == [
        Level.OK,
        Level.PROBLEM,
        Level.OK,
        Level.WARNING,
        Level.OK,
        Level.WARNING,
    ]
    assert "read:accounts" in findings[1].sentence
    assert "klarna" in findings[3].sentence


async def test_a_partner_without_accounts_is_told(make_source: MakeSource) -> None:
    """Nothing to see is a warning."""
    async with SandboxDintero(OWNER).serve() as empty:
        findings = await check(make_source(base_url=empty.base_url), EVERYTHING)
        assert findings[1].level is Level.WARNING
