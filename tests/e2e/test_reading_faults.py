"""One run over everything that can go wrong at Dintero: each fault has its sentence, the good ones work."""

from dataclasses import dataclass, field

from notifier.sandbox import (
    Fault,
    SandboxDintero,
    answer,
    cut_short,
    hang,
    html,
    huge,
    redirect,
    reset,
    wrong_shape,
)
from tests.e2e.conftest import CLIENT_SECRET, LINK, Stage

ASKED = "Signature needed"
REFUSED = "Dintero refuses the notifier's credentials"

SOURCE = """
[sources.{name}]
base_url = "{base_url}"
account_id = "{account_id}"
client_id = "{name}-client"
client_secret = "{secret}"
{more}
"""

REST = """
[poll]
attempts = 2
retry_total_seconds = 3
read_timeout_seconds = 0.5
total_timeout_seconds = 1
max_body_mib = 0.1

[delivery]
storm_cards = 0

[slack]
base_url = "{base_url}"
bot_token = "{token}"

[receivers.sales]
kind = "slack"
channel = "#sales"
pace_seconds = 0
"""


@dataclass(frozen=True)
class Case:
    """One source with one account, and what goes wrong with it.

    `fault` hits whatever is asked of its account. `said` are words that the one sentence about it must hold;
    without any, nothing must be said, and its request for a signature be told.
    """

    said: tuple[str, ...] = ()
    fault: Fault | None = None
    times: int | None = None
    secret: str = CLIENT_SECRET
    scopes: tuple[str, ...] = ("read:accounts",)
    has_account: bool = True
    more: str = ""
    bodies: dict[str, object] = field(default_factory=dict)


def _make_cases(elsewhere: str) -> dict[str, Case]:
    return {
        "good": Case(),
        "credentials": Case(("gave no access token", "CREDENTIALS__CLIENT_SECRET"), secret="canary-wrong"),
        "scope": Case(("403", "read:accounts"), scopes=()),
        "unknown": Case(("is unknown", "check its id"), has_account=False),
        "mistyped": Case(
            ("is unknown", "check its id"), has_account=False, more='connections = ["vipps", "swish"]'
        ),
        "limited": Case(("too many requests", "429"), answer(429)),
        "limited_long": Case(("too many requests", "wait 3600 s"), answer(429, retry_after_seconds=3600)),
        "limited_once": Case((), answer(429, retry_after_seconds=1), times=1),
        "broken": Case(("could not answer", "500"), answer(500)),
        "broken_once": Case((), answer(502), times=1),
        "hanging": Case(("took too long",), hang()),
        "page": Case(("HTML instead of JSON",), html()),
        "shape": Case(("another shape",), wrong_shape()),
        "redirected": Case(("redirected", "not followed"), redirect(f"{elsewhere}/v1/x")),
        "large": Case(("longer than the bound",), huge(1_000_000)),
        "cut": Case(("cut short",), cut_short()),
        "reset": Case(("connection was lost",), reset()),
        "expired": Case((), answer(401), times=1),
        "unauthorized": Case(("401", "UNAUTHORIZED__CLIENT_ID"), answer(401)),
        "single": Case(("403",), answer(403), more='connections = ["vipps"]'),
        "partly": Case(
            ("/klarna cannot be read", "/swish cannot be read"), bodies={"klarna": 5, "swish": "<b>"}
        ),
    }


async def test_each_fault_has_one_sentence_and_stops_nothing_else(stage: Stage) -> None:
    """Whatever is wrong with one source must be said in one line that tells what to mend; the rest must work.

    When the faults are over the sentences must be gone too.
    """
    async with SandboxDintero().serve() as elsewhere:
        cases = _make_cases(elsewhere.url)
        accounts = {name: f"P{10_000_000 + number}" for number, name in enumerate(cases)}
        _prepare(stage, cases, accounts)
        first = await stage.run("run", "--once")
        assert not elsewhere.requests
    assert first.code == 1
    bad = {name for name, case in cases.items() if case.said}
    for name in bad:
        about = [line for line in first.complaints if accounts[name] in line]
        assert len(about) == 1, (name, first.complaints)
        assert all(words in about[0] for words in cases[name].said), (name, about)
    assert len(first.complaints) == len(bad), first.complaints
    told = {str(one.body["metadata"]["event_payload"]["account_id"]) for one in stage.slack.posts}  # type: ignore[index]
    refused = {"credentials", "scope", "unauthorized", "single"}
    assert stage.say().count(REFUSED) == len(refused)
    assert told - {""} == {accounts[name] for name in cases if name not in bad} | {accounts["partly"]}

    status = await stage.run("status")
    unread = [line for line in status.out.splitlines() if line.startswith("unread")]
    # The mistyped account is watched by two requests.
    assert len(unread) == len(bad) + 1, status.out

    stage.dintero.faults.clear()
    second = await stage.run("run", "--once")
    assert second.code == 1
    lasting = {"credentials", "scope", "unknown", "mistyped", "partly"}
    assert len(second.complaints) == len(lasting), second.complaints
    assert stage.say().count(ASKED) == len(cases) - len(lasting) + 1
    assert stage.say().count(REFUSED) == len(refused & lasting)
    assert stage.say().count(f"Over: {REFUSED}") == 2 * len(refused - lasting)


def _prepare(stage: Stage, cases: dict[str, Case], accounts: dict[str, str]) -> None:
    """Set up each case's account, credentials and fault, and write the file of settings."""
    text = REST.format(base_url=stage.slack.base_url, token=stage.bot.token)
    for name, case in cases.items():
        account_id = accounts[name]
        stage.dintero.credentials.add_client(f"{name}-client", CLIENT_SECRET, account_id, case.scopes)
        if case.has_account:
            stage.ask(account_id, link=f"{LINK}-{name}")
        for connection, body in case.bodies.items():
            stage.dintero.put_raw_connection(account_id, connection, body)
        if case.fault is not None:
            stage.dintero.faults.add(
                case.fault.on("GET", f"/accounts/{account_id}/management", times=case.times)
            )
        text += SOURCE.format(
            name=name,
            base_url=stage.dintero.base_url,
            account_id=account_id,
            secret=case.secret,
            more=case.more,
        )
    stage.configure(text)
    stage.env = {
        name: value
        for name, value in stage.env.items()
        if name in {"PATH", "PYTHONPATH", "NOTIFIER_LOG__LEVEL"}
    } | {"NOTIFIER_LOG__FORMAT": "console"}
