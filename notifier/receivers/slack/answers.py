"""What Slack's answers mean, as values: a receipt, or a delivery error of the right kind.

No I/O: status, headers and body in, a value or an error out. The sentences name the receiver, the setting and
Slack's own word; they never hold a token, a webhook's address, a message or a link.

Sources: docs.slack.dev, "Web API" (evaluating responses), "Rate limits", "Sending messages using incoming
webhooks"; read 2026-08.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Final

import msgspec

from notifier.domain.delivery import Receipt
from notifier.errors import (
    DeliveryAmbiguous,
    DeliveryError,
    DeliveryRateLimited,
    DeliveryRejected,
    DeliveryUnavailable,
    Scope,
)
from notifier.receivers.answers import RECEIVER_STATUSES, Answer, read_retry_after
from notifier.receivers.session import read_json
from notifier.receivers.slack.refusals import Meaning, find_refusal

# Narrow on purpose: a server that echoes a token or an address cannot get it into a sentence this way.
_CODE: Final = re.compile(r"[a-z_]{2,64}")
_SCOPES: Final = re.compile(r"[a-z_.:, ]{1,200}")
_CHANNEL_ID: Final = re.compile(r"[CDGUW][A-Z0-9]{2,}")
_PERMALINK: Final = re.compile(
    r"https?://[a-z0-9.-]{1,100}(:[0-9]{1,5})?/archives/[A-Z0-9]{2,30}/p[0-9]{1,20}"
    r"(\?thread_ts=[0-9.]{1,20}&cid=[A-Z0-9]{2,30})?"
)


@dataclass(frozen=True, slots=True)
class Address:
    """How a receiver is called in sentences: its name, its channel, and the settings that can be mended."""

    name: str
    channel: str
    credential_setting: str
    channel_setting: str = ""

    @property
    def has_channel_id(self) -> bool:
        """Whether the channel is given by its id, which is one place in all of Slack, not by a name."""
        return _CHANNEL_ID.fullmatch(self.channel) is not None

    def __str__(self) -> str:
        return f"Receiver {self.name}"


class _Posted(msgspec.Struct):
    """As much of an answer as is looked at after a post; whatever stands there is what somebody sent."""

    ok: Any = msgspec.UNSET
    channel: Any = msgspec.UNSET
    ts: Any = msgspec.UNSET
    error: Any = msgspec.UNSET
    needed: Any = msgspec.UNSET


_POSTED: Final = msgspec.json.Decoder(_Posted)


def read_posted(text: str) -> Any:
    """Return what is looked at of the answer to a post: it repeats the whole message, which is left unread.

    Raises what json.loads raises for what is no JSON; what is no object is returned as it is.
    """
    try:
        posted = _POSTED.decode(text)
    except (msgspec.DecodeError, UnicodeError):
        return read_json(text)
    return {
        name: value for name, value in msgspec.structs.asdict(posted).items() if value is not msgspec.UNSET
    }


def read_api(answer: Answer, address: Address) -> Mapping[str, object]:
    """Return the body of a Web API answer that says `"ok": true`. Raises DeliveryError for every other.

    A page instead of JSON with status 200 is ambiguous: whatever stands between us and Slack wrote it, and
    may have passed the request on.
    """
    body = answer.body if isinstance(answer.body, Mapping) else {}
    if answer.status == HTTPStatus.OK and body.get("ok") is True:
        return body
    code = _tidy(body.get("error")) or "unreadable" if body.get("ok") is False else ""
    raise _explain(answer, code, address, needed=body.get("needed"))


def read_post(answer: Answer, address: Address) -> Receipt:
    """Return the receipt in an answer of `chat.postMessage` (`channel`, `ts`). Raises DeliveryError."""
    body = read_api(answer, address)
    channel, message_ref = body.get("channel"), body.get("ts")
    return Receipt(
        channel if isinstance(channel, str) else "", message_ref if isinstance(message_ref, str) else ""
    )


def read_permalink(answer: Answer, address: Address) -> str:
    """Return the address in an answer of `chat.getPermalink`, "" where it is none. Raises DeliveryError."""
    link = read_api(answer, address).get("permalink")
    return link if isinstance(link, str) and _PERMALINK.fullmatch(link) else ""


def read_webhook(answer: Answer, address: Address) -> Receipt:
    """Return the receipt of an incoming webhook, which answers in plain text. Raises DeliveryError."""
    text = answer.body.strip() if isinstance(answer.body, str) else ""
    if answer.status == HTTPStatus.OK and text == "ok":
        return Receipt()
    is_word = answer.status >= HTTPStatus.BAD_REQUEST or find_refusal(text) is not None
    raise _explain(answer, _tidy(text) if is_word else "", address)


def _explain(answer: Answer, code: str, address: Address, *, needed: object = None) -> DeliveryError:
    """Return the error for an answer that is no receipt: by status where that decides, else by code."""
    status = answer.status
    if status == HTTPStatus.TOO_MANY_REQUESTS:
        return _limit(answer, code or "http_429", address)
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR or status == HTTPStatus.REQUEST_TIMEOUT:
        name = code or f"http_{status}"
        sentence = f"{address}: Slack answered HTTP {status} ({name}); the request may have taken effect"
        return DeliveryAmbiguous(sentence, code=name, was_answered=True)
    refusal = find_refusal(code)
    if refusal is None:
        return _explain_status(status, code, address)
    if refusal.meaning is Meaning.RATE:
        return _limit(answer, code, address)
    remedy = refusal.remedy.format_map(_name_places(address, needed))
    return _mean(refusal.meaning, f"{address}: Slack says {code}: {remedy}", code)


def _mean(meaning: Meaning, sentence: str, code: str) -> DeliveryError:
    if meaning is Meaning.LATER:
        return DeliveryUnavailable(sentence, code=code)
    if meaning is Meaning.UNCLEAR:
        return DeliveryAmbiguous(sentence, code=code, was_answered=True)
    return DeliveryRejected(sentence, code=code, scope=_SCOPE_OF.get(meaning, "message"))


_SCOPE_OF: Final[dict[Meaning, Scope]] = {Meaning.RECEIVER: "receiver", Meaning.ROOT: "root"}


def _explain_status(status: int, code: str, address: Address) -> DeliveryError:
    """Return the error for a code that the table does not know, or for no code at all.

    An unknown refusal is taken for one of the message: holding back everything for a word that may concern
    one message would silence the receiver, while a dead letter stays, is shown, and can be sent again.
    """
    name = code or f"http_{status}"
    if HTTPStatus.MULTIPLE_CHOICES <= status < HTTPStatus.BAD_REQUEST:
        fault = (
            f"a redirect (HTTP {status}) came back, which is not followed: check the address in the settings"
        )
        return DeliveryRejected(f"{address}: {fault}", code=name, scope="receiver")
    if status in RECEIVER_STATUSES:
        fault = f"HTTP {status} ({name}) came back: check {address.credential_setting} and the address"
        return DeliveryRejected(f"{address}: {fault} that is posted to", code=name, scope="receiver")
    if status == HTTPStatus.TOO_EARLY:
        return DeliveryUnavailable(f"{address}: HTTP {status} came back; it is sent again later", code=name)
    if status < HTTPStatus.BAD_REQUEST and not code:
        fault = f"HTTP {status} came with a body that is not Slack's; the request may have taken effect"
        return DeliveryAmbiguous(f"{address}: {fault}", code=name, was_answered=True)
    fault = f"Slack refused the message with {name}, an error that this version does not know"
    return DeliveryRejected(f"{address}: {fault}", code=name, scope="message")


def _limit(answer: Answer, code: str, address: Address) -> DeliveryRateLimited:
    seconds = read_retry_after(answer.headers)
    return DeliveryRateLimited(
        f"{address}: Slack takes no more for now ({code}); it is sent again after {seconds:g} s",
        code=code,
        retry_after_seconds=seconds,
    )


def _name_places(address: Address, needed: object) -> dict[str, str]:
    is_named = isinstance(needed, str) and _SCOPES.fullmatch(needed)
    return {
        "channel": address.channel or "of the webhook",
        "credential": address.credential_setting,
        "channel_setting": address.channel_setting or "the webhook's settings at Slack",
        "needed": str(needed) if is_named else "that it lacks",
    }


def _tidy(code: object) -> str:
    """Return Slack's word for an error, "" for anything that is no such word (a page, a sentence)."""
    return code if isinstance(code, str) and _CODE.fullmatch(code) else ""
