"""What the commands print: for people, and as JSON for programs."""

import json
import unicodedata
from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime, timedelta
from typing import Any, Final

from notifier.domain.delivery import Finding, Level
from notifier.domain.silences import Silence
from notifier.processes import is_running
from notifier.store.report import Letter, StatusReport, Trouble
from notifier.store.signs import LIVES_FOR as ALIVE_WITHIN
from notifier.store.signs import EngineSign

_KEPT_BACK: Final = {
    "covered": "told by another message, or needed no more",
    "muted": "kept back by a silence or an interval",
}
"""States that `notifier status` shows only where there are some."""

_MARKS: Final = {Level.OK: "ok   ", Level.WARNING: "WARN ", Level.PROBLEM: "FAIL "}


def draw_finding(finding: Finding) -> str:
    """Return one line of `notifier check`."""
    return clean(f"{_MARKS[finding.level]} {finding.subject}: {finding.sentence}")


def is_alive(report: StatusReport, now: datetime) -> bool:
    """Whether an engine has given a sign of life lately, and no goodbye since."""
    return any(_lives(engine, now) for engine in report.engines)


def find_sickness(report: StatusReport, now: datetime, name: str | None = None) -> str:
    """Say what is wrong with the engine, or with those of a `name` on this machine; "" where it is well.

    Of several in one place each whose process still runs has to have given a sign: one that stands still is
    not excused by another. One whose process is gone does not count any more.
    """
    asked = [one for one in report.engines if name is None or one.host == name]
    if not any(_lives(engine, now) for engine in asked):
        return f"no engine {'' if name is None else f'on {name} '}has given a sign of life lately"
    if name is None:
        return ""
    newest: dict[int, EngineSign] = {}
    for engine in asked:
        if engine.stopped_at is None and engine.beat_at >= newest.get(engine.pid, engine).beat_at:
            newest[engine.pid] = engine
    for pid, engine in newest.items():
        age_seconds = (now - engine.beat_at).total_seconds()
        if not _lives(engine, now) and is_running(pid, age_seconds):
            return f"the engine on {name} with process {pid} has given no sign of life lately"
    return ""


def _lives(engine: EngineSign, now: datetime) -> bool:
    return engine.stopped_at is None and abs(now - engine.beat_at) <= ALIVE_WITHIN


def draw_status(report: StatusReport, now: datetime) -> str:
    """Return what `notifier status` prints."""
    lines = _draw_engines(report, now)
    counts = ", ".join(
        f"{count} {status or '(no status)'}" for status, count in sorted(report.connections.items())
    )
    lines.append(f"watched    {report.accounts} accounts; connections: {counts or 'none yet'}")
    states = {
        state: report.outbox.get(state, 0) for state in ("due", "sending", "delivered", "dead", "dropped")
    }
    lines.append("outbox     " + ", ".join(f"{count} {state}" for state, count in states.items()))
    lines += [
        f"           {report.outbox[state]} {words}"
        for state, words in _KEPT_BACK.items()
        if report.outbox.get(state)
    ]
    if report.oldest_due_at is not None:
        lines.append(f"           the oldest waits for {_draw_span(now - report.oldest_due_at)}")
    if report.adopted:
        lines.append(
            f"           {report.adopted} with an unclear outcome were found where they had been sent"
        )
    if report.resent:
        lines.append(f"           {report.resent} with an unclear outcome were sent again")
    if report.outbox.get("held"):
        lines.append(
            f"           {report.outbox['held']} with an unclear outcome are held: `notifier outbox list`"
        )
    if report.restored_from is not None:
        age = _draw_span(now - report.restored_from)
        lines.append(f"restored   from a backup of {age} ago: each message is looked for before it is sent")
    lines += [f"trouble    {_draw_trouble(one, now)}" for one in report.incidents]
    lines += [f"silence    {_draw_silence_in_force(one, now)}" for one in _list_in_force(report, now)]
    lines += [f"held       {_draw_trouble(one, now)}" for one in report.holds]
    lines += [f"unread     {_draw_trouble(one, now)}" for one in report.problems]
    if report.outbox.get("dead"):
        lines.append("to do      `notifier outbox list` shows what was given up")
    return "\n".join(clean(line) for line in lines)


def dump_status(report: StatusReport, now: datetime) -> str:
    """Return what `notifier status --json` prints."""
    silences = [
        {**asdict(one), "matchers": [str(matcher) for matcher in one.matchers]}
        for one in _list_in_force(report, now)
    ]
    engine = asdict(report.engine) if report.engine else None
    return _dump(
        {"engine_alive": is_alive(report, now), "engine": engine, **asdict(report), "silences": silences}
    )


def draw_letters(letters: Sequence[Letter]) -> str:
    """Return what `notifier outbox list` prints."""
    if not letters:
        return "There are none."
    return "\n".join(clean(_draw_letter(letter)) for letter in letters)


def dump_json(value: Any) -> str:
    """Return a value as the commands print it for programs."""
    return _dump(value)


def dump_letters(letters: Sequence[Letter]) -> str:
    """Return what `notifier outbox list --json` prints."""
    return _dump([asdict(letter) for letter in letters])


def draw_silence(silence: Silence, now: datetime) -> str:
    """Return one line of `notifier silence list`."""
    if silence.ends_at <= now:
        state = f"ended {_draw_span(now - silence.ends_at)} ago"
    elif silence.starts_at > now:
        state = f"begins in {_draw_span(silence.starts_at - now)}"
    else:
        state = (
            f"ends in {_draw_span(silence.ends_at - now)}, {silence.ends_at.isoformat(timespec='seconds')}"
        )
    about = " ".join(_quote(str(matcher)) for matcher in silence.matchers)
    return clean(f"{silence.silence_id}  {about}  {state}  {silence.author}: {silence.comment}")


def dump_silences(silences: Sequence[Silence], now: datetime) -> str:
    """Return what `notifier silence list --json` prints."""
    return _dump(
        [
            {
                **asdict(one),
                "matchers": [str(matcher) for matcher in one.matchers],
                "is_active": one.is_active(now),
            }
            for one in silences
        ]
    )


def _quote(text: str) -> str:
    return f"'{text}'" if " " in text else text


def _draw_engines(report: StatusReport, now: datetime) -> list[str]:
    """Say of each engine that has not said goodbye whether it lives; of the last one where all have."""
    if not report.engines:
        return ["engine     has never run on this store"]
    present = [one for one in report.engines if one.stopped_at is None]
    return [_draw_engine(one, now) for one in present or report.engines[:1]]


def _draw_engine(engine: EngineSign, now: datetime) -> str:
    who = f"process {engine.pid} on {engine.host}, version {engine.version}"
    if engine.stopped_at is not None:
        return f"engine     stopped {_draw_span(now - engine.stopped_at)} ago ({who})"
    seen = f"last sign of life {_draw_span(now - engine.beat_at)} ago"
    state = "running" if _lives(engine, now) else "DEAD or hung"
    return f"engine     {state}, {seen}, {engine.polls} polls ({who})"


def _draw_trouble(trouble: Trouble, now: datetime) -> str:
    return f"{trouble.subject}, for {_draw_span(now - trouble.since)}: {trouble.sentence}"


def _list_in_force(report: StatusReport, now: datetime) -> tuple[Silence, ...]:
    return tuple(one for one in report.silences if one.is_active(now))


def _draw_silence_in_force(silence: Silence, now: datetime) -> str:
    about = " ".join(str(matcher) for matcher in silence.matchers)
    left = _draw_span(silence.ends_at - now)
    return f"{silence.silence_id} ({about}), for another {left}: {silence.author}, {silence.comment}"


def _draw_letter(letter: Letter) -> str:
    whose = f" of {letter.account_id}/{letter.connection}" if letter.account_id else ""
    about = f"{letter.topic}{whose} for {letter.receiver}"
    tries = f"{letter.attempts} {'attempt' if letter.attempts == 1 else 'attempts'}"
    return f"{letter.notification_id}  {letter.state}  {about}, {tries}: {letter.error or 'not tried yet'}"


def _draw_span(span: timedelta) -> str:
    seconds = max(0, int(span.total_seconds()))
    for size, unit in ((86_400, "d"), (3_600, "h"), (60, "min")):
        if seconds >= size:
            return f"{seconds // size} {unit}"
    return f"{seconds} s"


def clean(text: str) -> str:
    """Return text that cannot speak to the terminal."""
    return "".join(" " if unicodedata.category(character)[0] == "C" else character for character in text)


def _dump(value: Any) -> str:
    return json.dumps(value, default=_dump_instant, indent=2, ensure_ascii=True)


def _dump_instant(value: object) -> str:
    if isinstance(value, datetime):
        return value.isoformat()
    raise TypeError(type(value).__name__)
