"""Where Dintero keeps what is watched: paths below the base URL, percent-encoded.

docs.dintero.com, management API, read 2026-08.
"""

from typing import Final
from urllib.parse import quote

from notifier.domain.model import KNOWN_CONNECTIONS, PENDING
from notifier.domain.watch import AccountTarget, ConnectionTarget, PartnerTarget
from notifier.errors import SourceRejected

ACCOUNT_ID_CHARACTERS: Final = 9
"""An owner may be written short: `P112` is `P11200000`."""

_NOT_A_NAME: Final = frozenset({"", ".", ".."})


def encode_part(text: str) -> str:
    """Encode one part of a path. Raises SourceRejected for what would lead somewhere else."""
    if text.isalnum() and text.isascii():
        return text  # Nearly all of them: quoting takes several times as long.
    if text in _NOT_A_NAME:
        raise SourceRejected(
            f"{text!r} can be no part of an address at Dintero: check the accounts and connections."
        )
    return quote(text, safe="", errors="replace")


def connection_path(target: ConnectionTarget) -> str:
    """One connection of one account; the slash of `payex/{product}` stays one."""
    name = target.key.name
    # Most names have one part, and every poll comes along here.
    name = "/".join(map(encode_part, name.split("/"))) if "/" in name else encode_part(name)
    return f"/accounts/{encode_part(target.key.account_id)}/management/settings/connections/{name}"


def account_path(target: AccountTarget, owner_id: str) -> str:
    """One account: the owner's own, or one that it is the partner of."""
    if target.account_id in {owner_id, owner_id.ljust(ACCOUNT_ID_CHARACTERS, "0")}:
        return f"/accounts/{encode_part(target.account_id)}/management/settings"
    return f"/accounts/{encode_part(owner_id)}/management/accounts/{encode_part(target.account_id)}"


def pending_filter(target: PartnerTarget) -> str:
    """What `connections` of a list asks for to have the accounts alone that have something pending.

    docs.dintero.com, "Listing merchants", read 2026-11, shows the form for `services` only. Products of payex
    have no name there.
    """
    names = sorted(target.names or KNOWN_CONNECTIONS)
    return ",".join(f"{name}.status.{PENDING}" for name in names if "/" not in name)


def partner_path(target: PartnerTarget) -> str:
    """All accounts of a partner."""
    return f"/accounts/{encode_part(target.owner_id)}/management/accounts"
