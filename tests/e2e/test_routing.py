"""`notifier routes` and `notifier silence`: what is drawn, tried, kept and ended."""

import json
from datetime import UTC, datetime, timedelta

from tests.e2e.conftest import LIVE, TEST, Stage

TREE = """
[receivers.oncall]
kind = "slack"
channel = "#oncall"

[[routes]]
name = "live merchants"
livemode = true
receivers = ["sales"]
mute_intervals = ["nights"]
  [[routes.routes]]
  statuses = ["failed"]
  receivers = ["oncall", "sales"]
  mute_intervals = []
  reminders = "default"

[[routes]]
accounts = ["T*"]
receivers = ["oncall"]

[intervals.nights]
times = ["00:00-08:00"]
time_zone = "Europe/Oslo"
"""
NIGHT = "2026-11-23T03:00+01:00"


async def test_routes_are_drawn_as_a_tree(stage: Stage) -> None:
    """Every route must stand in its place, with what it asks for, whom it tells and what it sets."""
    stage.configure(TREE)
    result = await stage.run("routes", "show")
    assert (result.code, result.err) == (0, "")
    assert result.out.splitlines() == [
        'routes#1 "live merchants"  livemode = true',
        "    → sales",
        "      mute_intervals = nights",
        "    routes#1.routes#1  statuses = failed",
        "        → oncall, sales",
        "          mute_intervals = none",
        "          reminders = default",
        "routes#2  accounts = T*",
        "    → oncall",
    ]


async def test_default_routes_are_drawn_with_who_stands_in(stage: Stage) -> None:
    """Without routes the default ones must be drawn; where there is no oncall, with who is it instead."""
    result = await stage.run("routes", "show")
    assert result.code == 0
    assert 'routes#3 "default: failed or declined"  statuses = failed | declined' in result.out
    assert "→ oncall (that is sales here), sales" in result.out
    assert "→ nobody" in result.out


async def test_a_change_is_tried(stage: Stage) -> None:
    """Who is told, by which rule and why, must be said, with what is mute or silenced; nothing is sent."""
    stage.configure(TREE)
    failed = await stage.run("routes", "test", "--event", "failed", "--account", LIVE, "--at", NIGHT)
    assert (failed.code, failed.err) == (0, "")
    assert failed.out.splitlines() == [
        f"a change  event failed, status failed, connection vipps, account {LIVE} (live), severity error",
        '  routes#1 "live merchants"  livemode = true  → matches; a route inside it decides',
        "      routes#1.routes#1  statuses = failed  → DECIDES",
        "told       oncall, sales, by routes#1.routes#1",
        "reminders  default",
        "silenced   no",
    ]
    asked = await stage.run(
        "routes", "test", "--event", "signature_required", "--account", LIVE, "--at", NIGHT
    )
    assert "told       sales, by live merchants" in asked.out
    assert "mute       now: in nights, until 2026-11-23T07:00:00+00:00" in asked.out
    tried = await stage.run("routes", "test", "--status", "failed", "--account", TEST)
    assert "livemode = true  → no: livemode" in tried.out
    assert "severity info" in tried.out
    nobody = await stage.run("routes", "test", "--status", "failed", "--account", LIVE, "--test")
    assert "told       nobody: no route is for it" in nobody.out
    assert not stage.slack.posts


async def test_a_store_that_is_not_there_is_said(stage: Stage) -> None:
    """Where nobody can say whether a change is silenced, the rest must be said, and the command fail."""
    stage.store.unlink()
    result = await stage.run("routes", "test", "--status", "failed", "--account", LIVE)
    assert result.code == 1
    assert "told       sales" in result.out
    assert result.complaints[0].startswith("notifier: whether it is silenced is not known: there is no store")


async def test_a_silence_lives_and_ends(stage: Stage) -> None:
    """A silence must be kept, listed, seen by `routes test`, and ended; once over it is listed with --all."""
    add = ("silence", "add", "merchant=Fjordbris *", "connection=vipps|swish", "--comment", "they move")
    added = await stage.run(*add, "--for", "2h", "--author", "ann")
    assert (added.code, added.err) == (0, "")
    name = added.out.split()[0]
    assert "'merchant=Fjordbris *' connection=vipps|swish  ends in 2 h" in added.out.replace("1 h", "2 h")
    assert added.out.endswith("ann: they move\n")

    (listed,) = json.loads((await stage.run("silence", "list", "--json")).out)
    assert (listed["silence_id"], listed["author"], listed["is_active"]) == (name, "ann", True)
    assert listed["matchers"] == ["merchant=Fjordbris *", "connection=vipps|swish"]
    try_it = ("routes", "test", "--event", "failed", "--account", LIVE, "--merchant")
    assert f"silenced   {name}" in (await stage.run(*try_it, "Fjordbris Sport AS")).out
    assert "silenced   no" in (await stage.run(*try_it, "Havgull AS")).out
    tomorrow = (datetime.now(UTC) + timedelta(days=1)).isoformat()
    assert "silenced   no" in (await stage.run(*try_it, "Fjordbris Sport AS", "--at", tomorrow)).out

    ended = await stage.run("silence", "expire", name, "nosuch")
    assert (ended.code, ended.out) == (1, "1 silence ends now.\n")
    assert ended.complaints == [
        "notifier: 1 of the ids are of no silence that could end: see `notifier silence list --all`"
    ]
    assert (await stage.run("silence", "list")).out == "There are none.\n"
    assert f"{name}  " in (await stage.run("silence", "list", "--all")).out
    assert (await stage.run("silence", "expire", name)).out == "0 silences end now.\n"


async def test_a_silence_has_a_future(stage: Stage) -> None:
    """An end that has passed must be refused, and an author be found where none is named."""
    common = ("silence", "add", "account=*", "--comment", "x")
    past = await stage.run(*common, "--until", "2020-01-01T00:00Z")
    assert (past.code, past.out) == (1, "")
    assert past.complaints == ["notifier: --until: expected an instant to come, within the next ten years"]
    until = (datetime.now(UTC) + timedelta(hours=3)).isoformat()
    kept = await stage.run(*common, "--until", until)
    assert kept.code == 0
    (listed,) = json.loads((await stage.run("silence", "list", "--json")).out)
    assert listed["author"]
    assert listed["ends_at"] == until
