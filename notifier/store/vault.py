r"""Signature links as they stand in the store: as they are, or encrypted with a key.

A sealed link is `\x1f<key>:<token>`, where <key> names the key without giving it away and <token> is
cryptography's Fernet. A link that is not sealed stands there as it came; one that begins like a sealed one
is `\x1fplain:<link>`, so that nobody outside can make a link pass for a sealed one.
"""

from collections.abc import Sequence
from functools import cached_property
from hashlib import blake2b
from typing import TYPE_CHECKING, Final

from notifier.domain.model import SignatureLink

if TYPE_CHECKING:
    from cryptography.fernet import Fernet

_MARK: Final = "\x1f"
_PLAIN: Final = "plain"


class Vault:
    """Seals links with the first of some Fernet keys, and opens what any of them has sealed.

    Without a key links stay as they are. cryptography is imported by the first link that needs it.
    """

    def __init__(self, keys: Sequence[str] = ()) -> None:
        self._keys = {_name_key(key): key for key in keys}
        self._present = next(iter(self._keys), _PLAIN)

    def __repr__(self) -> str:
        return f"Vault({len(self._keys)} keys)"

    @property
    def has_key(self) -> bool:
        """Whether links are encrypted at all."""
        return bool(self._keys)

    def seal(self, link: SignatureLink | None) -> str | None:
        """Return what stands in the store for a link."""
        if link is None:
            return None
        if not self._keys:
            return f"{_MARK}{_PLAIN}:{link.url}" if link.url.startswith(_MARK) else link.url
        token = self._fernets[self._present].encrypt(link.url.encode("utf-8", "surrogatepass"))
        return f"{_MARK}{self._present}:{token.decode('ascii')}"

    def open(self, text: str | None) -> SignatureLink | None:
        """Return the link that a text in the store stands for; None for one that cannot be decrypted."""
        if text is None:
            return None
        key, payload = _take_apart(text)
        if key == _PLAIN:
            return SignatureLink(payload)
        if key not in self._keys:
            return None
        from cryptography.fernet import InvalidToken  # noqa: PLC0415 - long to import, and not without a key

        try:
            opened = self._fernets[key].decrypt(payload.encode())
        except InvalidToken:
            return None
        return SignatureLink(opened.decode("utf-8", "surrogatepass"))

    def can_open(self, text: str) -> bool:
        """Whether the key is there that a text in the store was sealed with."""
        return is_plain(text) or _take_apart(text)[0] in self._keys

    def is_present(self, text: str) -> bool:
        """Whether a text in the store is as this vault writes it: sealed with its first key, or plain."""
        return _take_apart(text)[0] == self._present

    @cached_property
    def _fernets(self) -> dict[str, "Fernet"]:
        from cryptography.fernet import Fernet  # noqa: PLC0415 - see above

        return {name: Fernet(key) for name, key in self._keys.items()}


def _name_key(key: str) -> str:
    """Name a key by a digest: 32 random bytes cannot be found again from it."""
    return blake2b(key.encode(), digest_size=6, person=b"store key").hexdigest()


def _take_apart(text: str) -> tuple[str, str]:
    if not text.startswith(_MARK):
        return _PLAIN, text
    key, _, payload = text.removeprefix(_MARK).partition(":")
    return key, payload


def is_plain(text: str) -> bool:
    """Whether a text in the store shows its link to whoever reads it."""
    return _take_apart(text)[0] == _PLAIN
