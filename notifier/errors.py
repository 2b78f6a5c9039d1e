"""Every error this product raises on purpose.

    NotifierError
    ├── ConfigError                settings that cannot work; all problems at once
    ├── SourceError                Dintero could not be read
    │   ├── SourceUnavailable      time-out, broken connection, 408, 425, 5xx: ask again
    │   ├── SourceRateLimited      429, with the seconds to wait where Dintero gave them
    │   ├── SourceRejected         any other 3xx or 4xx: asking again changes nothing
    │   │   ├── SourceUnauthorized 401 or 403: the credentials or their scopes
    │   │   └── SourceNotFound     404: no such account, or it has no such connection
    │   └── SourceMalformed        an answer that is not what Dintero documents
    ├── DeliveryError              a receiver did not take a message
    │   ├── DeliveryUnavailable    surely not taken: send again
    │   ├── DeliveryRateLimited    surely not taken, with the seconds to wait
    │   ├── DeliveryRejected       refused for good: this message, or everything for this receiver
    │   ├── DeliveryAmbiguous      may have been taken: nobody knows
    │   └── LookupImpossible       the receiver cannot be asked what it has taken
    └── StoreError                 the store could not be read or written
        ├── StoreUnavailable       locked, full, read-only, an I/O error: may pass
        │   ├── StoreUnclear       the connection was lost at a commit: nobody knows whether it was kept
        │   └── StoreReplaced      another file stands where the open one was: start anew from it
        ├── StoreInUse             another engine runs on the same store
        └── StoreUnusable          corrupt, or written by a newer version: somebody must act

The text of each is one sentence for a person: what happened, where, and how to mend it. It holds no
credential and no signature link.
"""

from typing import Literal, TypeAlias

Scope: TypeAlias = Literal["message", "receiver", "root"]


class NotifierError(Exception):
    """The root: catch this to catch whatever the product reports on purpose."""


class ConfigError(NotifierError):
    """The settings cannot work; `problems` holds one sentence for each mistake."""

    def __init__(self, *problems: str) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


class SourceError(NotifierError):
    """Dintero could not be read; `status` is the HTTP status, where there was an answer."""

    def __init__(self, sentence: str, *, status: int | None = None) -> None:
        super().__init__(sentence)
        self.status = status


class SourceUnavailable(SourceError):
    """Nobody answered, or the server was broken: asking again may work.

    `retry_after_seconds` is the server's wish (503), None where it had none.
    """

    def __init__(
        self, sentence: str, *, status: int | None = None, retry_after_seconds: float | None = None
    ) -> None:
        super().__init__(sentence, status=status)
        self.retry_after_seconds = retry_after_seconds


class SourceRateLimited(SourceError):
    """Too many requests; `retry_after_seconds` is None where Dintero did not say."""

    def __init__(
        self, sentence: str, *, status: int | None = None, retry_after_seconds: float | None = None
    ) -> None:
        super().__init__(sentence, status=status)
        self.retry_after_seconds = retry_after_seconds


class SourceRejected(SourceError):
    """Dintero refused: asking again changes nothing."""


class SourceUnauthorized(SourceRejected):
    """401 or 403: the credentials are wrong, or lack a scope."""


class SourceNotFound(SourceRejected):
    """404: there is no such account, or the account has no such connection."""


class SourceMalformed(SourceError):
    """The answer is not of the documented shape."""


class DeliveryError(NotifierError):
    """A receiver did not confirm a message; `code` is the receiver's own word for it."""

    def __init__(self, sentence: str, *, code: str = "") -> None:
        super().__init__(sentence)
        self.code = code


class DeliveryUnavailable(DeliveryError):
    """The message was surely not taken; send it again."""


class DeliveryRateLimited(DeliveryError):
    """The message was surely not taken; send it again after `retry_after_seconds`."""

    def __init__(self, sentence: str, *, code: str = "", retry_after_seconds: float) -> None:
        super().__init__(sentence, code=code)
        self.retry_after_seconds = retry_after_seconds


class DeliveryRejected(DeliveryError):
    """Refused for good.

    `scope` is "message" when only this message cannot be taken, "receiver" when nothing can be until
    somebody mends the receiver (token, channel, scope), "root" when the message that it updates or replies to
    is gone or cannot be changed any more.
    """

    def __init__(self, sentence: str, *, code: str = "", scope: Scope) -> None:
        super().__init__(sentence, code=code)
        self.scope: Scope = scope


class DeliveryAmbiguous(DeliveryError):
    """The request went out and nobody knows whether it took effect.

    `was_answered` is True when the receiver is done with it: then it takes effect now or never.
    """

    def __init__(self, sentence: str, *, code: str = "", was_answered: bool = False) -> None:
        super().__init__(sentence, code=code)
        self.was_answered = was_answered


class LookupImpossible(DeliveryError):
    """The receiver cannot be asked whether it has a message: it keeps no history, or a scope is missing."""


class StoreError(NotifierError):
    """The store could not be read or written."""


class StoreUnavailable(StoreError):
    """The store cannot be used now: locked, full, read-only, or an I/O error."""


class StoreUnclear(StoreUnavailable):
    """The connection to the database was lost at a commit: what was done may have been kept, or not."""


class StoreReplaced(StoreUnavailable):
    """Another file stands at the store's path: whatever is remembered beside the store is no longer true."""


class StoreInUse(StoreError):
    """Another engine runs on the same store."""


class StoreUnusable(StoreError):
    """The store cannot be used at all: corrupt, or written by a newer version."""
