"""The address that is asked for while everything works, in the manner of Healthchecks.

A GET of the address is a success, of the address with `/fail` behind its path a failure, and none at all for
too long is one as well: https://healthchecks.io/docs/http_api/, read 2026-11. Whoever knows the address can
pretend to be the notifier, so it stands in no sentence.
"""

from http import HTTPStatus
from urllib.parse import urlsplit, urlunsplit

import aiohttp


class HeartbeatAddress:
    """One address, asked through `session`, whose time-out bounds each request."""

    def __init__(self, url: str, session: aiohttp.ClientSession) -> None:
        self._url = url
        self._session = session

    def __repr__(self) -> str:
        return "HeartbeatAddress()"

    async def beat(self, *, is_well: bool) -> str:
        """Ask for the address; return "" or a sentence without it."""
        url = self._url if is_well else add_fail(self._url)
        try:
            async with self._session.get(url) as response:
                if response.status < HTTPStatus.MULTIPLE_CHOICES:
                    return ""
                return f"alarms.heartbeat_url answered {response.status}"
        except TimeoutError:
            return "alarms.heartbeat_url took too long"
        except (aiohttp.ClientError, OSError, ValueError) as error:
            return f"alarms.heartbeat_url could not be reached ({type(error).__name__})"


def add_fail(url: str) -> str:
    """Return the address that says that something does not work."""
    parts = urlsplit(url)
    return urlunsplit(parts._replace(path=parts.path.rstrip("/") + "/fail"))
