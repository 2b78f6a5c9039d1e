"""The receiver of kind `apprise`: the hundred services of the library of that name, an extra.

What Apprise answers is yes or no, so whatever is no yes is ambiguous. Its requests are its own: neither the
session nor its bounds hold for them.

Source: Apprise 2.2, `Apprise.notify` and `AppriseAsset`, read 2026-11.
"""

import asyncio
import logging
import threading
import time
import warnings
from collections.abc import AsyncIterator
from contextlib import suppress
from typing import Any, Final

from notifier.domain.delivery import BY_ITSELF, Finding, Level, Place, Receipt, Traits, WhenUnsure
from notifier.domain.message import Message, Mood
from notifier.errors import ConfigError, DeliveryAmbiguous, DeliveryUnavailable
from notifier.receivers.one_way import AT_LEAST_ONCE, TEST_MESSAGE, OneWayReceiver
from notifier.receivers.plain import write_body, write_title

_LIBRARIES: Final = ("apprise", "requests", "urllib3", "oauthlib", "requests_oauthlib", "markdown")
_TYPES: Final = {Mood.ACTION: "warning", Mood.GOOD: "success", Mood.BAD: "failure", Mood.NEUTRAL: "info"}
_LATE: Final = object()


class AppriseReceiver(OneWayReceiver):
    """Sends plain text to one or several Apprise addresses, separated by spaces.

    Raises ConfigError where the library is not installed, or does not know an address.
    """

    def __init__(
        self,
        name: str,
        url: str,
        *,
        pace_seconds: float = 1.0,
        timeout_seconds: float = 15.0,
        when_unsure: WhenUnsure = WhenUnsure.RESEND,
        url_setting: str = "its address",
    ) -> None:
        super().__init__(
            name,
            "apprise",
            " ".join(url.split()),
            pace_seconds=pace_seconds,
            timeout_seconds=timeout_seconds,
            when_unsure=when_unsure,
        )
        self._services = _open_services(url, f"receivers.{name}.url ({url_setting})")
        self._last: asyncio.Future[object] | None = None

    @property
    def traits(self) -> Traits:
        """People read it; what was sent can neither be changed nor replied to."""
        return Traits()

    async def send(
        self,
        message: Message,
        place: Place = BY_ITSELF,
        *,
        is_plain: bool,
        deadline: float | None = None,
    ) -> Receipt:
        """Send one message, always by itself and as plain text. Raises DeliveryError.

        The thread is a daemon, one at a time: a service that hangs delays neither others nor a shutdown.
        """
        del place, is_plain
        if self._last is not None and not self._last.done():
            raise DeliveryUnavailable(f"Receiver {self.name}: not sent, an earlier message still hangs")
        loop = asyncio.get_running_loop()
        done: asyncio.Future[object] = loop.create_future()

        def settle(result: object) -> None:
            if not done.done():
                done.set_result(result)

        def work() -> None:
            result = self._notify(message, deadline)
            with suppress(RuntimeError):  # the loop is closed: nobody waits any more
                loop.call_soon_threadsafe(settle, result)

        self._last = done
        threading.Thread(target=work, name=f"apprise-{self.name}", daemon=True).start()
        finished, _ = await asyncio.wait([done], timeout=self._timeout_seconds)
        result = done.result() if finished else None
        if result is _LATE:
            raise DeliveryUnavailable(
                f"Receiver {self.name}: not sent, this process was held up for too long"
            )
        if result is not True:
            fault = "Apprise did not confirm it" if finished else "the time ran out"
            sentence = f"Receiver {self.name}: {fault}; the message may have been sent"
            raise DeliveryAmbiguous(sentence, code="apprise", was_answered=bool(finished))
        return Receipt()

    def _notify(self, message: Message, deadline: float | None) -> object:
        if deadline is not None and time.monotonic() > deadline:
            return _LATE
        try:
            said = self._services.notify(
                body=write_body(message) or write_title(message),
                title=write_title(message),
                notify_type=_TYPES[message.mood],
                body_format="text",
            )
        except Exception:  # noqa: BLE001 - whatever a plugin raises may hold the address
            return False
        return bool(said)

    def check(self, *, sends: bool) -> AsyncIterator[Finding]:
        """Say what can be said without posting; with `sends`, send a test message."""
        warning = self._say(
            Level.WARNING,
            "signature links are sent along: whoever reads what is sent there can open them. Apprise makes "
            "its own connections: network.ca_file and network.proxy do not hold for it",
        )
        return self._check((warning,), AT_LEAST_ONCE[self._when_unsure], self._test, sends=sends)

    async def _test(self) -> str:
        await self.send(TEST_MESSAGE, is_plain=False)
        return "a test message was posted"


def _open_services(url: str, setting: str) -> Any:
    """Return the services that some addresses stand for. Raises ConfigError, without any of them in it."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # Apprise's own matter, on older Pythons
        return _load_services(url, setting)


def _load_services(url: str, setting: str) -> Any:
    try:
        import apprise  # noqa: PLC0415 - an extra, loaded only where it is used
    except ImportError:
        apprise = None  # type: ignore[assignment] # raised below, where no other error comes along
    if apprise is None:
        raise ConfigError(f"{setting}: needs the library Apprise: pip install 'dintero-notifier[apprise]'.")
    _silence()
    # One after the other in our own thread; no redirect followed, nothing kept on disk.
    asset = apprise.AppriseAsset(
        async_mode=False, http_redirects=False, service_timeout=0, storage_mode="memory", secure_logging=True
    )
    services = apprise.Apprise(asset=asset)
    # Addresses are separated by spaces: a comma may be part of one.
    for one in url.split():
        if not services.add(one):
            raise ConfigError(f"{setting}: holds an address that Apprise does not know.")
    # What was imported for the addresses has loggers of its own, which no filter above them reaches.
    _silence()
    return services


def _silence() -> None:
    """Let no library that Apprise calls write to a log: their lines hold addresses, which are secrets.

    A filter, since no level, handler or configuration that anybody sets later can undo it.
    """
    for name in (*_LIBRARIES, *logging.Logger.manager.loggerDict):
        if name.partition(".")[0] in _LIBRARIES:
            logger = logging.getLogger(name)
            logger.propagate = False
            logger.filters[:] = [_is_shown]


def _is_shown(_record: logging.LogRecord) -> bool:
    return False
