"""The JSON objects that the sandbox's Dintero answers with.

The shapes follow Dintero's public API reference (accounts, connections; read 2026-08).
Every object carries what a real one carries, fake secrets and fake personal data
included, so that a test can prove that a reader drops them.
"""

from datetime import UTC, datetime, timedelta
from typing import Any, TypeAlias
from uuid import NAMESPACE_URL, uuid5

Json: TypeAlias = dict[str, Any]

CONFIGURATION_CANARY = "canary-configuration-5d1c"
"""Stands in every secret of every `configuration`."""
PERSON_CANARY = "canary-person-8e44"
"""Stands in every piece of personal data."""

SIGNUP_LIFETIME = timedelta(days=14)
CREATED_BY = "1c92f7e1-2897-4d46-bdcc-c127a914fb4e"
NOT_NAMES = frozenset({"payex"})
"""Keys of `connections` which hold one connection per product instead of being one."""

SIGNUP_LISTS = {"swish": ("direct_signups", "signup_id"), "payex": ("direct_signups", "signup_id")}
"""Connections whose applications stand elsewhere than in `signups` with a `case_id`."""


def timestamp(at: datetime) -> str:
    """Return RFC 3339 text in UTC with milliseconds, as in `2026-05-12T08:00:00.123Z`."""
    return at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def made_up_id(*parts: object) -> str:
    """Return a UUID that is always the same for the same parts."""
    return str(uuid5(NAMESPACE_URL, "/".join(str(part) for part in parts)))


def account_object(
    account_id: str,
    *,
    partner_id: str,
    business_name: str,
    country: str,
    created_at: datetime,
) -> Json:
    """Return an account without connections: its company, its applicant, its services."""
    number = f"9{account_id[1:]}"
    return {
        "account_id": account_id,
        "partner_id": partner_id,
        "livemode": account_id.startswith("P"),
        "active": True,
        "created_at": timestamp(created_at),
        "updated_at": timestamp(created_at),
        "country": country,
        "progression": "active",
        "company": {
            "business_name": business_name,
            "display_name": business_name,
            "organization_number": number,
            "address": {"address_line": "Storgata 1", "postal_code": "0155", "country": country},
        },
        "applicant": {
            "name": f"{PERSON_CANARY} Nordmann",
            "email": f"{PERSON_CANARY}@example.com",
            "phone_number": f"+4790000000 {PERSON_CANARY}",
            "ssn": f"{PERSON_CANARY}-01017012345",
        },
        "beneficial_owners": [{"name": f"{PERSON_CANARY} Owner", "share": 100}],
        "services": {"checkout": {"status": "enabled"}},
        "connections": {},
    }


def connection_object(name: str, status: str, created_at: datetime) -> Json:
    """Return a connection without signup and events."""
    return {
        "created_at": timestamp(created_at),
        "created_by": CREATED_BY,
        "updated_at": timestamp(created_at),
        "metadata": {},
        "status": status,
        "events": [],
        "schema": 3,
        "configuration": _configuration(name),
    }


def add_signup(
    connection: Json, name: str, *, signup_id: str, url: str, at: datetime, lifetime: timedelta
) -> datetime:
    """Add a signup where this connection keeps them, and return when it expires.

    Vipps has one object `signup` (`id`, `url`, `created_at`, `callback_at`,
    `expires_at`); the others have lists, the newest last.
    """
    expires_at = at + lifetime
    if name == "vipps":
        connection["signup"] = {
            "created_at": timestamp(at),
            "id": signup_id,
            "url": url,
            "callback_at": timestamp(at),
            "expires_at": timestamp(expires_at),
        }
        return expires_at
    key, id_key = SIGNUP_LISTS.get(name.partition("/")[0], ("signups", "case_id"))
    signup = {id_key: signup_id, "created_at": timestamp(at), "callback_at": timestamp(at)}
    connection.setdefault(key, []).append(signup)
    return expires_at


def event_object(
    *,
    event_id: str | None,
    status: str,
    event: str | None,
    description: str | None,
    link: object,
    created_at: datetime,
) -> Json:
    """Return an event; fields given as None are absent."""
    optional = {"id": event_id, "event": event, "description": description}
    return {
        "status": status,
        **{key: value for key, value in optional.items() if value is not None},
        "created_at": timestamp(created_at),
        "created_by": CREATED_BY,
        "metadata": {} if link is None else {"signature_link": link},
    }


def _configuration(name: str) -> Json:
    """Return what a reader must never keep: numbers, client ids and keys of the merchant."""
    kind = name.partition("/")[0]
    return {
        "payment_options": [{"currencies": ["NOK"], "type": kind}],
        "merchant_name": kind.capitalize(),
        "created_time": "00:00:00",
        "merchant_serial_number": f"{CONFIGURATION_CANARY}-123456",
        "client_id": f"{CONFIGURATION_CANARY}-51358942",
        "client_secret": f"{CONFIGURATION_CANARY}-secret",
        "subscription_keys": [
            {
                "product": "Access",
                "ocp_apim_subscription_key": f"{CONFIGURATION_CANARY}-de897dbb",
            }
        ],
    }
