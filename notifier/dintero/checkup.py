"""`notifier check`, the part of it that looks at Dintero."""

from collections.abc import AsyncIterator, Iterable
from typing import Protocol

from notifier.dintero.wire.accounts import PAYEX
from notifier.domain.delivery import Finding, Level
from notifier.domain.model import KNOWN_CONNECTIONS, AccountSnapshot
from notifier.domain.watch import (
    AccountTarget,
    ConnectionTarget,
    Fingerprint,
    PartnerTarget,
    Reading,
    Sighting,
    Target,
)
from notifier.errors import SourceError, SourceNotFound


class Readable(Protocol):
    """As much of the source as an examination needs."""

    @property
    def name(self) -> str:
        """Its name in the settings."""

    async def prove(self) -> None:
        """Obtain an access token."""

    async def read(
        self, target: ConnectionTarget | AccountTarget, seen: Fingerprint | None
    ) -> Reading | None:
        """Read one connection or one account."""

    def walk(self, target: PartnerTarget, seen: dict[str, bytes]) -> AsyncIterator[tuple[Sighting, ...]]:
        """Walk all accounts of a partner."""

    async def confirm_account(self, account_id: str) -> AccountSnapshot | None:
        """Read one account directly."""


class Checkup:
    """One examination of a source."""

    def __init__(self, source: Readable, settings: str) -> None:
        self._source = source
        self._settings = settings
        self._shown: set[str] = set()
        self._accounts: dict[str, Finding | None] = {}

    async def examine(self, targets: tuple[Target, ...]) -> AsyncIterator[Finding]:
        """Look at the token, at each target, and at the names that nobody has shown."""
        subject = f"{self._source.name}: access token"
        try:
            await self._source.prove()
        except SourceError as error:
            # Without a token nothing else can be said.
            yield Finding(Level.PROBLEM, subject, str(error))
            return
        yield Finding(Level.OK, subject, "Dintero accepts the credentials.")
        for target in targets:
            try:
                findings = await self._examine_target(target)
            except SourceError as error:
                findings = [Finding(Level.PROBLEM, str(target), str(error))]
            for finding in findings:
                yield finding
        for name in sorted(_list_names(targets)):
            if not self._has_shown(name):
                yield self._describe_unseen(name)

    async def _examine_target(self, target: Target) -> list[Finding]:
        if isinstance(target, PartnerTarget):
            return await self._examine_partner(target)
        try:
            reading = await self._source.read(target, None)
        except SourceNotFound:
            if isinstance(target, AccountTarget):
                return [self._describe_unknown(str(target), target.account_id)]
            return [await self._examine_missing(target)]
        return [] if reading is None else self._describe_account(str(target), reading.snapshot)

    async def _examine_partner(self, target: PartnerTarget) -> list[Finding]:
        """Look at the first page: it shows whether the rest can be read."""
        count = 0
        findings: list[Finding] = []
        async for page in self._source.walk(target, {}):
            count = len(page)
            for sighting in page:
                if sighting.snapshot is not None:
                    self._shown.update(item.key.name for item in sighting.snapshot.connections)
                    findings += _list_problems(str(target), sighting.snapshot)
            break
        sentence = f"The first page shows {count} account{'' if count == 1 else 's'}."
        if not count:
            warning = f"There are no accounts to see: check {self._settings}ACCOUNT_ID and its scopes."
            return [Finding(Level.WARNING, str(target), warning)]
        return [Finding(Level.OK, str(target), sentence), *findings]

    async def _examine_missing(self, target: ConnectionTarget) -> Finding:
        """Tell an account that does not exist from a connection that nobody has applied for yet."""
        account_id, subject = target.key.account_id, str(target)
        try:
            snapshot = await self._source.confirm_account(account_id)
        except SourceError as error:
            sentence = f"There is no such connection, and the account cannot be read to see why: {error}"
            return Finding(Level.WARNING, subject, sentence)
        if snapshot is None:
            return self._describe_unknown(subject, account_id)
        self._shown.update(item.key.name for item in snapshot.connections)
        return Finding(Level.OK, subject, f"{account_id} can be read, and has not applied for it yet.")

    def _describe_unknown(self, subject: str, account_id: str) -> Finding:
        sentence = (
            f"Dintero knows no account {account_id} for these credentials: check {self._settings}ACCOUNTS."
        )
        return Finding(Level.PROBLEM, subject, sentence)

    def _describe_account(self, subject: str, snapshot: AccountSnapshot) -> list[Finding]:
        self._shown.update(item.key.name for item in snapshot.connections)
        states = ", ".join(
            f"{item.key.name} {item.status or 'without status'}" for item in snapshot.connections
        )
        sentence = f"It can be read: {states or 'no connections yet'}."
        return [Finding(Level.OK, subject, sentence), *_list_problems(subject, snapshot)]

    def _has_shown(self, name: str) -> bool:
        return name in self._shown or (
            name == PAYEX and any(shown.startswith(f"{PAYEX}/") for shown in self._shown)
        )

    def _describe_unseen(self, name: str) -> Finding:
        if name.partition("/")[0] in KNOWN_CONNECTIONS:
            sentence = (
                "never seen: Dintero documents this name, but no account read here has such a connection yet."
            )
        else:
            sentence = f"never seen: check the spelling in {self._settings}CONNECTIONS."
        return Finding(Level.WARNING, f"{self._source.name}: connection {name}", sentence)


def _list_names(targets: Iterable[Target]) -> set[str]:
    """List the connection names that the settings ask for."""
    names: set[str] = set()
    for target in targets:
        names |= {target.key.name} if isinstance(target, ConnectionTarget) else target.names
    return names


def _list_problems(subject: str, snapshot: AccountSnapshot) -> list[Finding]:
    return [Finding(Level.WARNING, subject, f"{problem}.") for problem in snapshot.problems]
