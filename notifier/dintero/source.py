"""The source: what is watched at one Dintero, with one set of credentials, as snapshots."""

from collections.abc import AsyncIterator, Callable, Mapping
from datetime import datetime
from types import TracebackType
from typing import Final, Self

from yarl import URL

from notifier.dintero import paths
from notifier.dintero.api import NOT_MODIFIED, Api
from notifier.dintero.checkup import Checkup
from notifier.dintero.client import Question, Transport, now_utc
from notifier.dintero.credentials import Credentials
from notifier.dintero.pace import Budget
from notifier.dintero.pages import LIMIT, Walk
from notifier.dintero.retry import Retry
from notifier.dintero.wire.accounts import (
    Element,
    decode_account,
    decode_page,
    digest_bytes,
    is_watched,
    read_element,
)
from notifier.dintero.wire.connections import decode_connection
from notifier.dintero.wire.failures import OversizedBody
from notifier.domain.delivery import Finding
from notifier.domain.model import AccountSnapshot, ConnectionKey
from notifier.domain.watch import (
    AccountTarget,
    ConnectionTarget,
    Fingerprint,
    PartnerTarget,
    Reading,
    Sighting,
    Target,
    Tempo,
)
from notifier.errors import ConfigError, SourceMalformed, SourceNotFound, SourceUnauthorized

DEFAULT_BASE_URL: Final = "https://api.dintero.com/v1"

KEPT_QUESTIONS: Final = 1_000
"""Of so many targets that are polled the address is kept, a kilobyte each; others are made at each poll."""

ETAG_CHARACTERS: Final = 1_024


class DinteroSource:
    """A Dintero, read with one set of credentials. Implements `notifier.service.ports.Source`.

    `name` is its name in the settings ("dintero" for the short form). It may be made outside a running loop;
    `close` it, or use it as an `async with` block. Raises ConfigError for a base URL that cannot be one.
    """

    def __init__(
        self,
        name: str,
        credentials: Credentials,
        *,
        base_url: str = DEFAULT_BASE_URL,
        transport: Transport | None = None,
        retry: Retry | None = None,
        budget: Budget | None = None,
        now: Callable[[], datetime] = now_utc,
    ) -> None:
        self._name = name
        self._owner_id = credentials.account_id
        self._settings = "NOTIFIER_DINTERO__" if name == "dintero" else f"NOTIFIER_SOURCES__{name.upper()}__"
        self._api = Api(
            _parse_base(base_url, self._settings),
            credentials,
            self._settings,
            transport=transport or Transport(),
            retry=retry or Retry(),
            budget=budget,
            now=now,
        )

        self._questions: dict[ConnectionTarget | AccountTarget, Question] = {}

    @property
    def name(self) -> str:
        """Its name in the settings."""
        return self._name

    @property
    def tempo(self) -> Tempo:
        """How much less often than usual it wants to be asked."""
        return self._api.strain.tempo

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Close all connections to Dintero."""
        await self._api.close()

    async def prove(self) -> None:
        """Obtain an access token. Raises SourceError when there is none to be had."""
        await self._api.prove()

    async def read(
        self, target: ConnectionTarget | AccountTarget, seen: Fingerprint | None
    ) -> Reading | None:
        """Read one connection or one account; None when the answer is the one in `seen`."""
        question = self._questions.get(target) or self._make_question(target, is_kept=seen is not None)
        if seen is None:
            answer = await self._api.ask(question)
        else:
            answer = await self._api.ask(question, seen.etag, is_poll=True)
            if answer.status == NOT_MODIFIED:
                return None
        digest = digest_bytes(answer.body)
        if seen is not None and digest == seen.digest:
            return None
        if isinstance(target, ConnectionTarget):
            snapshot = decode_connection(answer.body, target.key, question.place)
        else:
            snapshot = decode_account(answer.body, target.account_id, target.names, question.place)
        return Reading(snapshot, Fingerprint(digest, _read_etag(answer.headers)))

    async def walk(
        self, target: PartnerTarget, seen: Mapping[str, bytes]
    ) -> AsyncIterator[tuple[Sighting, ...]]:
        """Walk all accounts of a partner, a page at a time, to the end or to the first SourceError.

        Of a range, what stands behind its cursor, up to its last account or else to the end of the list.

        An account is sighted once a walk. One without a readable id is sighted with the account id "", and a
        snapshot that has nothing but `problems`.
        """
        met = False
        async for page in self._walk(target, seen, paths.partner_path(target), {}):
            shown = page
            if target.until:
                place = next((at for at, one in enumerate(page) if one.account_id == target.until), None)
                met = place is not None
                shown = page if place is None else page[: place + 1]
            yield shown
            if met:
                return

    async def sift(
        self, target: PartnerTarget, seen: Mapping[str, bytes]
    ) -> AsyncIterator[tuple[Sighting, ...]]:
        """Walk those accounts of a partner that have something pending, where Dintero honours the filter.

        Of a range, what stands behind its cursor: its last account need not be on that list.
        """
        filters = {"connections": paths.pending_filter(target)}
        async for page in self._walk(target, seen, paths.partner_path(target), filters):
            yield page

    async def _walk(
        self, target: PartnerTarget, seen: Mapping[str, bytes], path: str, filters: Mapping[str, str]
    ) -> AsyncIterator[tuple[Sighting, ...]]:
        subject = f"list of accounts of {target.owner_id}"
        place = self._api.make_question(subject, path).place
        walk = Walk(place, LIMIT, filters=filters, cursor=target.after or None)
        while not walk.is_over:
            try:
                answer = await self._api.ask(self._api.make_question(subject, path, walk.query))
            except OversizedBody as error:
                if walk.halve():
                    continue
                raise walk.give_up(error) from None
            page = decode_page(answer.body, walk.place)
            # The body is let go before the page is handed over: whoever takes it may take its time.
            del answer
            new = walk.advance(page)
            del page
            sightings = tuple(
                _sight(element, target, seen, None if walk.is_over or element is not new[-1] else walk.cursor)
                for element in new
                if element.account_id not in target.except_accounts
            )
            del new
            if sightings:
                yield sightings

    async def confirm(self, key: ConnectionKey) -> AccountSnapshot | None:
        """Read one connection directly; None when Dintero says that it is not there.

        Where the credentials may not read it alone (403), it is looked for in its account.
        """
        try:
            reading = await self.read(ConnectionTarget(self._name, key), None)
        except SourceNotFound:
            return None
        except SourceUnauthorized as error:
            if error.status != 403:  # noqa: PLR2004
                raise
        else:
            return reading.snapshot if reading is not None else None
        snapshot = await self.confirm_account(key.account_id)
        return None if snapshot is None else _pick(snapshot, key)

    async def confirm_account(self, account_id: str) -> AccountSnapshot | None:
        """Read one account directly; None when Dintero says that it is not there."""
        try:
            reading = await self.read(AccountTarget(self._name, account_id), None)
        except SourceNotFound:
            return None
        return reading.snapshot if reading is not None else None

    def check(self, targets: tuple[Target, ...]) -> AsyncIterator[Finding]:
        """Say of the token and of each target whether it can be read, and what to do if not."""
        return Checkup(self, self._settings).examine(targets)

    def _make_question(self, target: ConnectionTarget | AccountTarget, *, is_kept: bool) -> Question:
        """Make the question for a target; the one of a poll, which will be asked again, is kept.

        What is only confirmed is not: among thousands of merchants some leave every day.
        """
        if isinstance(target, ConnectionTarget):
            subject = f"connection {target.key.name} of {target.key.account_id}"
            question = self._api.make_question(subject, paths.connection_path(target))
        else:
            path = paths.account_path(target, self._owner_id)
            question = self._api.make_question(f"account {target.account_id}", path)
        if is_kept and len(self._questions) < KEPT_QUESTIONS:
            self._questions[target] = question
        return question


def _parse_base(base_url: str, settings: str) -> URL:
    try:
        base = URL(base_url)
        is_usable = base.scheme in {"http", "https"} and base.host and not base.query_string
    except ValueError:
        is_usable = False
    if not is_usable or base.user or base.password:
        raise ConfigError(
            f"{settings}BASE_URL: expected the address of Dintero's API, such as {DEFAULT_BASE_URL}, "
            "without credentials or a query in it."
        )
    return base


def _read_etag(headers: Mapping[str, str]) -> str | None:
    """Read an ETag that can be sent back as it came."""
    etag = headers.get("ETag", "")
    return etag if etag and etag.isascii() and etag.isprintable() and len(etag) <= ETAG_CHARACTERS else None


def _sight(
    element: Element, target: PartnerTarget, seen: Mapping[str, bytes], cursor: str | None
) -> Sighting:
    is_known = seen.get(element.account_id) == element.digest
    snapshot = None if is_known else read_element(element, target.names)
    return Sighting(element.account_id, element.digest, snapshot, cursor)


def _pick(snapshot: AccountSnapshot, key: ConnectionKey) -> AccountSnapshot | None:
    """Pick one connection out of an account's; None when the account has no such connection."""
    if any(is_watched(key.name, frozenset({name})) for name in snapshot.unreadable):
        raise SourceMalformed(
            f"Dintero's answer for account {key.account_id} has a {key.name} that cannot be read."
        )
    chosen = tuple(connection for connection in snapshot.connections if connection.key == key)
    if not chosen:
        return None
    return AccountSnapshot(snapshot.account, chosen, is_complete=False, problems=snapshot.problems)
