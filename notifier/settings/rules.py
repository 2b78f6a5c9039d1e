"""What the settings must be to one another.

The rules look at the tree before it is validated, so that they speak together with everything else that is
wrong. They judge only what is set, never what it is, and leave a thing of the wrong kind to the model.
"""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from notifier.settings.alarm_rules import judge_alarms
from notifier.settings.layers import Problem
from notifier.settings.route_rules import judge_routes

SALES: Final = "sales"
ONCALL: Final = "oncall"

_SHORT_FORM: Final = ("channel", "webhook_url", "mention", "when_unsure", "emergency")


def find_contradictions(tree: Mapping[str, Any]) -> Iterator[Problem]:
    """Give every contradiction in a tree of settings."""
    yield from _judge_sources(tree)
    receivers = _table(tree, "receivers")
    if receivers:
        yield from _judge_receivers(tree, receivers)
    else:
        yield from _judge_short_form(_table(tree, "slack"))
    names = set(receivers) or {SALES}
    known = names | {ONCALL} if SALES in names else names
    yield from judge_routes(tree, known)
    yield from judge_alarms(tree, known)


def _judge_sources(tree: Mapping[str, Any]) -> Iterator[Problem]:
    if tree.get("dintero") and tree.get("sources"):
        yield Problem(
            "is the short form, which cannot stand beside [sources.<name>]; move it to a section there",
            ("dintero", *list(_table(tree, "dintero"))[:1]),
        )
    if not tree.get("dintero") and not tree.get("sources"):
        yield Problem(
            "is missing: set NOTIFIER_DINTERO__ACCOUNT_ID, NOTIFIER_DINTERO__CLIENT_ID and "
            "NOTIFIER_DINTERO__CLIENT_SECRET, or write a section [dintero] or [sources.<name>]",
            ("dintero",),
        )


def _judge_short_form(slack: Mapping[str, Any]) -> Iterator[Problem]:
    has_webhook, has_channel = _has(slack, "webhook_url"), _has(slack, "channel")
    has_token = _has(slack, "bot_token")
    if has_webhook and has_channel:
        yield Problem("cannot stand beside slack.channel; keep one of them", ("slack", "webhook_url"))
    if has_token and not has_channel:
        yield Problem(
            "needs slack.channel beside it (NOTIFIER_SLACK__CHANNEL), or receivers in [receivers.<name>]",
            ("slack", "bot_token"),
        )
    if has_channel and not has_token:
        yield Problem(
            "needs slack.bot_token beside it (NOTIFIER_SLACK__BOT_TOKEN or NOTIFIER_SLACK__BOT_TOKEN_FILE)",
            ("slack", "channel"),
        )
    if not (has_webhook or has_channel or has_token):
        yield Problem(
            "is missing: set NOTIFIER_SLACK__WEBHOOK_URL, or NOTIFIER_SLACK__BOT_TOKEN and "
            "NOTIFIER_SLACK__CHANNEL, or write sections [receivers.<name>]",
            ("slack",),
        )


def _judge_receivers(tree: Mapping[str, Any], receivers: Mapping[str, Any]) -> Iterator[Problem]:
    slack = _table(tree, "slack")
    for key in _SHORT_FORM:
        if _has(slack, key):
            yield Problem(
                "is the short form, which cannot stand beside [receivers.<name>]; move it into a receiver",
                ("slack", key),
            )
    if SALES not in receivers and not tree.get("routes"):
        yield Problem(
            "has none named sales, and there are no [[routes]]; name one of them sales, or write routes",
            ("receivers",),
        )
    for name, receiver in receivers.items():
        if not isinstance(receiver, dict) or receiver.get("kind") != "slack":
            continue
        if not _has(receiver, "bot_token") and not _has(slack, "bot_token"):
            yield Problem(
                "is missing: set it for this receiver, or for all as slack.bot_token "
                "(NOTIFIER_SLACK__BOT_TOKEN or NOTIFIER_SLACK__BOT_TOKEN_FILE)",
                ("receivers", name, "bot_token"),
            )


def _table(tree: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    table = tree.get(key)
    return table if isinstance(table, dict) else {}


def _has(table: Mapping[str, Any], key: str) -> bool:
    return table.get(key) is not None
