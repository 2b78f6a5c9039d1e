"""The sections about Dintero: who is watched, with which credentials, and how it is read."""

from typing import Annotated, Final, Literal, TypeAlias

from pydantic import BeforeValidator, Field, ValidationInfo, field_validator

from notifier.settings.address_values import BaseUrl
from notifier.settings.forms import lower_case
from notifier.settings.section import Section, require_at_least
from notifier.settings.values import (
    AccountIds,
    Attempts,
    ClientId,
    ClientSecret,
    Concurrency,
    Connections,
    IntervalSeconds,
    Mebibytes,
    OwnerId,
    RequestsPerSecond,
    TimeoutSeconds,
    WaitSeconds,
)

FirstRun: TypeAlias = Literal["open", "all", "none"]

_OWNER_ID_LENGTH: Final = 4


class SourceSettings(Section):
    """A Dintero read with one set of credentials: `[dintero]`, or `[sources.<name>]`.

    `account_id` is whose credentials these are: an account, or a partner. `accounts` empty means the account
    itself, or what is discovered; `connections` empty means all. `discover` reads everything under a partner.
    Without `max_requests_per_second` only `poll.concurrency` bounds the requests.
    """

    base_url: BaseUrl = "https://api.dintero.com/v1"
    account_id: OwnerId
    client_id: ClientId = Field(repr=False)
    client_secret: ClientSecret
    accounts: AccountIds = ()
    connections: Connections = ()
    discover: bool = Field(default=False, validate_default=True)
    max_requests_per_second: RequestsPerSecond | None = None

    @field_validator("discover")
    @classmethod
    def _has_something_to_read(cls, discover: bool, info: ValidationInfo) -> bool:
        account_id = info.data.get("account_id", "")
        if len(account_id) == _OWNER_ID_LENGTH and not discover and not info.data.get("accounts", "unknown"):
            raise ValueError(
                "expected true, or a list of accounts, because account_id is a partner's id of three digits, "
                "which has no connections of its own"
            )
        return discover

    @property
    def watched_accounts(self) -> tuple[str, ...]:
        """The accounts to read one by one: those listed, or the account itself when nothing is discovered."""
        if self.accounts or self.discover:
            return self.accounts
        return (self.account_id,)


class PollSettings(Section):
    """`[poll]`: how often, how many at once, how patiently, and how much Dintero is read."""

    interval_seconds: IntervalSeconds = 60
    quiet_interval_seconds: IntervalSeconds = Field(default=900, validate_default=True)
    walk_interval_seconds: IntervalSeconds | None = Field(default=None, validate_default=True)
    concurrency: Concurrency = 20
    first_run: Annotated[FirstRun, BeforeValidator(lower_case)] = "open"
    connect_timeout_seconds: TimeoutSeconds = 5
    read_timeout_seconds: TimeoutSeconds = 15
    total_timeout_seconds: TimeoutSeconds = 30
    attempts: Attempts = 4
    retry_total_seconds: WaitSeconds = 30
    max_body_mib: Mebibytes = 32
    max_bodies_mib: Mebibytes = Field(default=128, validate_default=True)

    @field_validator("quiet_interval_seconds")
    @classmethod
    def _quiet_is_rarer(cls, value: float, info: ValidationInfo) -> float:
        require_at_least(info, "interval_seconds", value)
        return value

    @field_validator("walk_interval_seconds")
    @classmethod
    def _walk_is_rarer(cls, value: float | None, info: ValidationInfo) -> float | None:
        if value is not None:
            require_at_least(info, "interval_seconds", value)
        return value

    @field_validator("max_bodies_mib")
    @classmethod
    def _all_bodies_hold_one(cls, value: float, info: ValidationInfo) -> float:
        require_at_least(info, "max_body_mib", value)
        return value

    @property
    def walk_seconds(self) -> float:
        """The shortest time between two walks through a partner's accounts."""
        return self.walk_interval_seconds or self.interval_seconds
