"""The cases that wait for a card at a destination, and what becomes of them when they are too many."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy import BindParameter, Connection, bindparam, exists, func, select, update

from notifier.domain.delivery import DeliveryState, Form, Purpose
from notifier.domain.digest import CaseRef
from notifier.domain.model import ConnectionKey
from notifier.store import statements, tables
from notifier.store.prepared import Prepared

_sent, _cards, _cases = tables.outbox, tables.cards, tables.cases
_WHERE: Final[BindParameter[str]] = bindparam("where")
_MOST: Final[BindParameter[int]] = bindparam("most")
_POSTED: Final = Prepared(
    select(_sent.c.settled_at)
    .where(
        _sent.c.settled_at > bindparam("since", type_=tables.Instant),
        _sent.c.destination == _WHERE,
        _sent.c.state == DeliveryState.DELIVERED,
        _sent.c.purpose == Purpose.TELL,
        _sent.c.form == Form.MESSAGE,
    )
    .order_by(_sent.c.settled_at.desc())
    .limit(_MOST)
)
_doubtful = _sent.alias("doubtful")
_is_in_doubt = exists().where(
    _doubtful.c.case_id == _sent.c.case_id,
    _doubtful.c.destination == _sent.c.destination,
    statements.is_open(_doubtful),
    _doubtful.c.is_repeat,
)
_waits = (
    _sent.c.destination == _WHERE,
    statements.is_open(_sent),
    _sent.c.state == DeliveryState.DUE,
    _sent.c.purpose == Purpose.TELL,
    # What may stand there already is looked for, and not told in a digest as well.
    ~_is_in_doubt,
)
_WAITING: Final = Prepared(
    select(
        _sent.c.case_id,
        _cases.c.account_id,
        _cases.c.name,
        func.max(_sent.c.receiver).label("receiver"),
        func.max(_sent.c.created_at).label("since"),
    )
    .join(_cards, (_cards.c.case_id == _sent.c.case_id) & (_cards.c.destination == _sent.c.destination))
    .join(_cases, _cases.c.case_id == _sent.c.case_id)
    .where(*_waits, _cards.c.message_ref == "")
    .group_by(_sent.c.case_id, _cases.c.case_id)
    .order_by(func.min(_sent.c.seq))
    .limit(_MOST)
)
_REPLIES: Final = Prepared(
    select(func.count().label("replies"))
    .select_from(_sent)
    .where(
        _sent.c.settled_at > bindparam("since", type_=tables.Instant),
        _sent.c.destination == _WHERE,
        _sent.c.topic == bindparam("about"),
        _sent.c.form == Form.REPLY,
    )
)


@dataclass(frozen=True, slots=True)
class WaitingCase:
    """A case that waits for a card at a destination; `since` is when its newest news came."""

    ref: CaseRef
    receiver: str
    since: datetime


class Digests:
    """What the storm guard sees and does, inside one open transaction."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def list_posted(self, destination: str, since: datetime, most: int) -> list[datetime]:
        """Return when the newest cards were posted at a destination."""
        bounds = {"where": destination, "since": since, "most": most}
        return [row["settled_at"] for row in _POSTED.read(self._connection, bounds)]

    def list_waiting(self, destination: str, most: int) -> list[WaitingCase]:
        """Return the cases that wait for a card at a destination, in their order."""
        found = _WAITING.read(self._connection, {"where": destination, "most": most})
        return [
            WaitingCase(
                CaseRef(ConnectionKey(row["account_id"], row["name"]), row["case_id"]),
                row["receiver"],
                row["since"],
            )
            for row in found
        ]

    def postpone(self, destination: str, until: datetime) -> None:
        """Let everything wait that waits for a card at a destination."""
        waiting = (
            select(_sent.c.case_id)
            .join(_cards, (_cards.c.case_id == _sent.c.case_id) & (_cards.c.destination == _WHERE))
            .where(*_waits, _cards.c.message_ref == "")
            .correlate(None)
        )
        due = update(_sent).where(
            _sent.c.destination == _WHERE,
            statements.is_open(_sent),
            _sent.c.state == DeliveryState.DUE,
            _sent.c.case_id.in_(waiting),
        )
        self._connection.execute(due.values(next_attempt_at=until), {"where": destination})

    def count_replies(self, destination: str, topic: str, since: datetime) -> int:
        """Return how many replies on a topic a destination has got since an instant."""
        bounds = {"where": destination, "about": topic, "since": since}
        found = _REPLIES.read(self._connection, bounds)
        return sum(row["replies"] for row in found)

    def absorb(self, destination: str, case_ids: Iterable[str], digest_id: str, now: datetime) -> None:
        """Let a digest stand for all that is due of some cases; their next news gets a card of its own."""
        for some in _split(case_ids):
            self._change(destination, some, state=DeliveryState.COVERED, settled_at=now, covered_by=digest_id)
            told = update(_cards).where(_cards.c.destination == destination, _cards.c.case_id.in_(some))
            self._connection.execute(told.values(posted_at=now))

    def _change(self, destination: str, case_ids: list[str], **values: object) -> None:
        due = update(_sent).where(
            _sent.c.destination == destination,
            _sent.c.case_id.in_(case_ids),
            _sent.c.state == DeliveryState.DUE,
            ~_sent.c.is_repeat,
        )
        self._connection.execute(due.values(**values))


def _split(case_ids: Iterable[str]) -> list[list[str]]:
    every, most = list(case_ids), statements.MOST_PARAMETERS
    return [every[start : start + most] for start in range(0, len(every), most)]
