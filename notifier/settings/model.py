"""The settings, section by section, as frozen values.

Every section is one table of the TOML file. Durations and sizes carry their unit in the name. What a single
value must look like is in `values`; what several must be to one another is in `rules`. The larger sections
are in modules of their own: Dintero in `source_model`, the receivers, kind by kind, in `receiver_model`, ….
"""

import socket
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Final, Literal, TypeAlias
from urllib.parse import parse_qsl, urlsplit

from pydantic import (
    BeforeValidator,
    Field,
    PrivateAttr,
    SecretStr,
    ValidationInfo,
    field_validator,
)
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from notifier.settings.address_values import (
    AllowedHosts,
    BaseUrl,
    NoProxyHosts,
    ProxyUrl,
    SlackBaseUrl,
    StoreUrl,
    WebhookUrl,
)
from notifier.settings.alarms_model import AlarmSettings, SummarySettings
from notifier.settings.forms import lower_case
from notifier.settings.receiver_model import ReceiverSettings
from notifier.settings.routing_model import IntervalSettings, ReminderSettings, RouteSettings
from notifier.settings.section import Section, WhenUnsure, require_at_least
from notifier.settings.source_model import PollSettings, SourceSettings
from notifier.settings.text_model import TextKind, TextSettings
from notifier.settings.values import (
    AlarmMinutes,
    Channel,
    Concurrency,
    Days,
    FilePath,
    GraceHours,
    Hours,
    Mention,
    Name,
    StoreKey,
    StormCards,
    TimeoutSeconds,
    Token,
    WaitSeconds,
    WholeSeconds,
)

ENV_PREFIX: Final = "NOTIFIER_"
ENV_DELIMITER: Final = "__"

LevelName: TypeAlias = Literal["debug", "info", "warning", "error"]
FormatName: TypeAlias = Literal["console", "json"]


class StoreSettings(Section):
    """`[store]`: where the state is kept, and how signature links are kept in it."""

    url: StoreUrl = SecretStr("sqlite:///notifier.db")
    key: StoreKey | None = None
    link_grace_hours: GraceHours = 24
    retention_days: Days = 90
    emergency_after_seconds: WaitSeconds = 30

    @property
    def keys(self) -> tuple[str, ...]:
        """The keys that signature links are encrypted with: the first encrypts, all decrypt."""
        return tuple(self.key.get_secret_value().split(",")) if self.key else ()

    @property
    def is_shared(self) -> bool:
        """Whether it is PostgreSQL, which any number of workers may use."""
        return self.url.get_secret_value().startswith("postgresql:")

    @property
    def place(self) -> str:
        """Where that is, in words that hold no secret: a file, or a database and its host."""
        address = self.url.get_secret_value()
        if address.startswith("sqlite:///"):
            return str(Path(address.removeprefix("sqlite:///")).absolute())
        parts = urlsplit(address)
        options = dict(parse_qsl(parts.query))
        host = parts.netloc.rpartition("@")[2] or options.get("host", "")
        return f"the database {parts.path.removeprefix('/') or options.get('dbname', '')} on {host}"


class NetworkSettings(Section):
    """`[network]`: how Dintero and the receivers are reached. Certificates are always verified."""

    ca_file: FilePath | None = None
    proxy: ProxyUrl | None = None
    no_proxy: NoProxyHosts = ()


class LogSettings(Section):
    """`[log]`: how much is logged, and how; without a format, the terminal decides."""

    level: Annotated[LevelName, BeforeValidator(lower_case)] = "info"
    format: Annotated[FormatName | None, BeforeValidator(lower_case)] = None


class SlackSettings(Section):
    """`[slack]`: the short form (`webhook_url`, or `bot_token` and `channel`), and what receivers share.

    `base_url`, `bot_token` and `timeout_seconds` are also the defaults of the receivers of kind slack.
    """

    base_url: SlackBaseUrl = "https://slack.com/api/"
    bot_token: Token | None = None
    channel: Channel | None = None
    webhook_url: WebhookUrl | None = None
    mention: Mention | None = None
    when_unsure: WhenUnsure = "resend"
    emergency: bool = False
    timeout_seconds: TimeoutSeconds = 15


class LinkSettings(Section):
    """`[links]`: which signature links may be opened by a click, and where people look things up."""

    allowed_hosts: AllowedHosts = ()
    backoffice_url: BaseUrl = "https://backoffice.dintero.com"


class DeliverySettings(Section):
    """`[delivery]`: how long and how often a message is tried or looked for; how long a shutdown waits.

    Of more than `storm_cards` new signups for a channel within `storm_seconds`, the rest is one digest;
    with 0 there is none.
    """

    give_up_after_hours: Hours = 72
    fallback_after_minutes: AlarmMinutes = 15
    first_retry_seconds: WaitSeconds = 5
    max_retry_seconds: WaitSeconds = Field(default=3600, validate_default=True)
    look_seconds: WaitSeconds = 15
    storm_cards: StormCards = 10
    storm_seconds: WaitSeconds = 60
    grace_seconds: WaitSeconds = 10

    @field_validator("max_retry_seconds")
    @classmethod
    def _last_is_longest(cls, value: float, info: ValidationInfo) -> float:
        require_at_least(info, "first_retry_seconds", value)
        return value


class WorkerSettings(Section):
    """`[workers]`: several machines on one PostgreSQL; with SQLite nothing of it matters.

    A worker that was not heard of for `stalled_seconds` is taken for gone: others get its jobs. What it has
    claimed runs out before that: it has to be heard of rather more often. What has become due is looked for
    every `tick_seconds`. Without a `name` it is called like its host.
    """

    name: Name | None = None
    heartbeat_seconds: TimeoutSeconds = 5
    stalled_seconds: TimeoutSeconds = Field(default=25, validate_default=True)
    tick_seconds: WholeSeconds = 2
    lanes: Concurrency = 50
    passes: Concurrency = 4

    @property
    def called(self) -> str:
        """What the workers of this host, or of this name, are called."""
        return self.name or socket.gethostname()

    @field_validator("stalled_seconds")
    @classmethod
    def _is_heard_of_before(cls, value: float, info: ValidationInfo) -> float:
        heartbeat = info.data.get("heartbeat_seconds")
        if heartbeat is not None and value < 3 * heartbeat:
            raise ValueError("expected at least three times heartbeat_seconds in the same section")
        return value


class Settings(BaseSettings):
    """Every setting. `load_settings` makes it; making it by hand reads neither environment nor files."""

    model_config = SettingsConfigDict(
        frozen=True,
        extra="forbid",
        hide_input_in_errors=True,
        env_prefix=ENV_PREFIX,
        env_nested_delimiter=ENV_DELIMITER,
        env_ignore_empty=True,
    )

    dintero: SourceSettings | None = None
    sources: dict[Name, SourceSettings] = {}
    poll: PollSettings = PollSettings()
    store: StoreSettings = StoreSettings()
    network: NetworkSettings = NetworkSettings()
    log: LogSettings = LogSettings()
    slack: SlackSettings = SlackSettings()
    receivers: dict[Name, ReceiverSettings] = {}
    routes: tuple[RouteSettings, ...] = ()
    intervals: dict[Name, IntervalSettings] = {}
    reminders: dict[Name, ReminderSettings] = {}
    links: LinkSettings = LinkSettings()
    texts: dict[TextKind, TextSettings] = {}
    delivery: DeliverySettings = DeliverySettings()
    alarms: AlarmSettings = AlarmSettings()
    summary: SummarySettings = SummarySettings()
    workers: WorkerSettings = WorkerSettings()

    _exposed: tuple[Path, ...] = PrivateAttr(())

    @property
    def exposed_files(self) -> tuple[Path, ...]:
        """The files with secrets in them that every user of this machine can read."""
        return self._exposed

    def expose(self, files: Iterable[Path]) -> None:
        """Remember such files, so that `notifier check` can name them."""
        self._exposed = tuple(files)

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],  # noqa: ARG003 - pydantic passes them by these names
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,  # noqa: ARG003 - as above
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003 - as above - as above
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003 - as above
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Take only what is passed in: `load_settings` alone decides what is read and in which order."""
        return (init_settings,)
