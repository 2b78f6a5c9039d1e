"""A Dintero and a Slack to run against on one machine, over real HTTP on loopback.

    async with SandboxDintero().serve() as dintero, SandboxSlack().serve() as slack:
        dintero.add_account("P12345678", business_name="Fjordbris Sport AS")
        dintero.apply("P12345678", "vipps")
        dintero.require_signature("P12345678", "vipps")
        bot, channel = slack.add_bot(), slack.add_channel("sales")
        ...  # run the notifier with dintero.base_url, slack.base_url, bot.token
        slack.messages("sales"), dintero.truth(), slack.posts

They keep nothing on disk and speak to nobody. Nothing here imports the rest of the
notifier (the demo, which starts it, excepted).

Dintero (`SandboxDintero`)
    credentials     client (client_id, client_secret, owner_id); credentials.add_client(…, scopes=),
                    .revoke_tokens(), .token_seconds
    accounts        add_account(id, business_name=, partner_id=, country=), put_raw_account,
                    remove_account, account(id), changed(id), account_ids()
    connections     apply(id, name, lifetime=), restart_signup, require_signature(id, name, link=, …),
                    set_status(id, name, status, with_event=), add_event(…), replace_link,
                    put_raw_connection, remove_connection, connection(id, name).
                    A product of payex is named `payex/creditcard`.
    lists           event_lists = EventLists(is_repeated=, order=, newest=); etags;
                    SandboxDintero(paging_tokens=False)
    comparing       truth() (every event ever), status_changes()

Slack (`SandboxSlack`)
    workspace       add_bot(name, token=, scopes=), add_channel(name, channel_id=, is_private=,
                    is_archived=, is_ext_shared=, members=), add_webhook(channel), webhook_url(webhook),
                    remove_webhook, remove_channel, refuse_token(token, error), accept_token
    reading         messages(channel), channel(name), posts (arrival times), page at url + "/"
    misbehaving     posts_per_second, burst, limit_as_ok_false, history_delay_seconds,
                    fail(method, error, times=, after_effect=), delete(channel, ts)

Merchants (`notifier.sandbox.merchants`)
    steps(seed, merchants=None) is the plan; play(plan, dintero, speed=, sleep=, tell=, stop=) lives it

Both
    url, base_url, serve(host=, port=), counts (by route), statuses, requests (recent),
    faults.add(answer(429, retry_after_seconds=1).on("GET", "/accounts", times=2, after=1)),
    with answer, ok_false, html, wrong_shape, redirect, hang, delay, reset, cut_short, drip, huge;
    Faults.random(seed, {"500": 0.02, "reset_after": 0.01}); faults.caused, faults.drawn, faults.clear()
"""

from notifier.sandbox.account_shapes import CONFIGURATION_CANARY, PERSON_CANARY
from notifier.sandbox.conversation import Bot, Channel, Message, Webhook
from notifier.sandbox.dintero import SandboxDintero
from notifier.sandbox.event_lists import EventLists
from notifier.sandbox.fault_kinds import (
    Fault,
    Kind,
    answer,
    cut_short,
    delay,
    drip,
    hang,
    html,
    huge,
    ok_false,
    redirect,
    reset,
    wrong_shape,
)
from notifier.sandbox.faults import Faults
from notifier.sandbox.slack import Post, SandboxSlack
from notifier.sandbox.truth import RecordedEvent, Signup, StatusChange

__all__ = [
    "CONFIGURATION_CANARY",
    "PERSON_CANARY",
    "Bot",
    "Channel",
    "EventLists",
    "Fault",
    "Faults",
    "Kind",
    "Message",
    "Post",
    "RecordedEvent",
    "SandboxDintero",
    "SandboxSlack",
    "Signup",
    "StatusChange",
    "Webhook",
    "answer",
    "cut_short",
    "delay",
    "drip",
    "hang",
    "html",
    "huge",
    "ok_false",
    "redirect",
    "reset",
    "wrong_shape",
]
