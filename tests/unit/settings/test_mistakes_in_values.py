"""Every value of a wrong form gets one sentence, with the variable that it came from and never the value."""

from time import process_time

import pytest

from tests.unit.settings.conftest import BOT, DINTERO, WEBHOOK, Load, Problems

HTTPS = "an address that begins with https:// (http:// only for this machine, such as 127.0.0.1)"
BASE_URL = f"expected {HTTPS}, without user name, query and fragment"
OWNER = "expected P or T and eight digits, such as P12345678 (a partner may have three)"
ACCOUNT = "expected P or T and eight digits, such as P12345678"
CONNECTION = "expected a connection's name in lower case, such as vipps or payex/creditcard"
CHANNEL = "expected a channel's id (C…, G… or D…) or its name, such as #sales"
MENTION = (
    "expected @here, @channel, @everyone, a user's id (U…) or a user group's id (S…); "
    "Slack shows ids in a profile's menu"
)
STORE = (
    "expected sqlite:///<file> (three slashes, then a path from the working directory) "
    "or sqlite:////<file> (four, then a path from the root), "
    "or postgresql://<user>:<password>@<host>:<port>/<database>"
)
LIST = 'expected a list (as a variable: JSON, such as ["a", "b"])'
POSTGRES = (
    "expected postgresql://<user>:<password>@<host>:<port>/<database>, perhaps with options behind a "
    "question mark such as ?sslmode=require, with special characters in user and password written as %XX"
)
HOST = "expected a host's name, such as example.com, or *.example.com for all below it"
TIMEOUT = "expected a number of seconds from 0.05 to 600"
INTERVAL = "expected a number of seconds from 0.05 to 604800"
WAIT = "expected a number of seconds from 0 to 86400"
SIZE = "expected a number of MiB from 0.001 to 4096"

VALUES = [
    ("dintero.base_url", "http://api.dintero.com/v1", BASE_URL),
    ("dintero.base_url", "https://user:pass@api.dintero.com/v1", BASE_URL),
    ("dintero.base_url", "https://api.dintero.com/v1?x=1", BASE_URL),
    ("dintero.base_url", "https://api.dintero.com/v1#x", BASE_URL),
    ("dintero.base_url", "https://api.dintero.com:port/", BASE_URL),
    ("dintero.base_url", "https://[::1", BASE_URL),
    ("dintero.base_url", "http://127.0.0.1.example.com/", BASE_URL),
    ("dintero.base_url", "ftp://127.0.0.1/", BASE_URL),
    ("dintero.account_id", "12345678", OWNER),
    ("dintero.account_id", "P1234567", OWNER),
    ("dintero.account_id", "p12345678", OWNER),
    ("dintero.account_id", "P12345678\n", OWNER),
    (
        "dintero.client_id",
        "a:b",
        "expected a client id without spaces and colons, as Dintero's Backoffice shows it",
    ),
    ("dintero.client_secret", "a b", "expected the client's secret, without spaces"),
    ("dintero.accounts", "P12345678", LIST),
    ("dintero.connections", '["vipps"', LIST),
    ("dintero.discover", "maybe", "expected true or false"),
    ("poll.interval_seconds", "soon", INTERVAL),
    ("poll.interval_seconds", "0", INTERVAL),
    ("poll.interval_seconds", "nan", INTERVAL),
    ("poll.quiet_interval_seconds", "-1", INTERVAL),
    ("poll.walk_interval_seconds", "0", INTERVAL),
    ("dintero.max_requests_per_second", "0", "expected a number of requests a second from 0.01 to 100000"),
    ("poll.concurrency", "0", "expected a whole number from 1 to 1000"),
    ("poll.concurrency", "1001", "expected a whole number from 1 to 1000"),
    ("poll.concurrency", "1.5", "expected a whole number from 1 to 1000"),
    ("poll.first_run", "some", "expected open, all or none"),
    ("poll.connect_timeout_seconds", "0", TIMEOUT),
    ("poll.read_timeout_seconds", "inf", TIMEOUT),
    ("poll.total_timeout_seconds", "601", TIMEOUT),
    ("poll.attempts", "0", "expected a whole number from 1 to 20"),
    ("poll.retry_total_seconds", "-1", WAIT),
    ("poll.max_body_mib", "0", SIZE),
    ("poll.max_bodies_mib", "1e400", SIZE),
    ("store.url", "postgresql://user:pass@db", POSTGRES),
    ("store.url", "postgresql://user:pass@db:port/notifier", POSTGRES),
    ("store.url", "postgresql://user:pa ss@db/notifier", POSTGRES),
    ("store.url", "postgresql://user:pa#ss@db/notifier", POSTGRES),
    ("store.url", "postgresql://user:pass@db/notifier?sslmode", POSTGRES),
    ("store.url", "postgresql:///notifier", POSTGRES),
    ("store.url", "postgres://db/notifier/more", POSTGRES),
    ("store.url", "sqlite://notifier.db", STORE),
    ("store.url", "sqlite:///", STORE),
    ("store.url", "sqlite:///:memory:", STORE),
    ("store.url", "mysql://db/notifier", STORE),
    ("log.level", "loud", "expected debug, info, warning or error"),
    ("log.format", "xml", "expected console or json"),
    ("slack.base_url", "http://slack.com/api/", BASE_URL),
    ("slack.bot_token", "xoxb 1", "expected a token without spaces, such as Slack's xoxb-…"),
    ("slack.channel", "#Sales Team", CHANNEL),
    ("slack.channel", "U0123456", CHANNEL),
    (
        "slack.webhook_url",
        "http://hooks.slack.com/services/T/B/x",
        f"expected {HTTPS}, as Slack shows it for the webhook",
    ),
    ("slack.mention", "@sales", MENTION),
    ("slack.mention", "<!channel> <!here>", MENTION),
    ("slack.timeout_seconds", "0", TIMEOUT),
    ("routes", "sales", LIST),
    ("links.allowed_hosts", "example.com", LIST),
    ("links.backoffice_url", "backoffice", BASE_URL),
    ("delivery.give_up_after_hours", "0", "expected a number of hours from 0.001 to 8760"),
    ("delivery.first_retry_seconds", "x", WAIT),
    ("delivery.max_retry_seconds", "86401", WAIT),
    ("delivery.grace_seconds", "-0.1", WAIT),
]


@pytest.mark.parametrize(("setting", "value", "expected"), VALUES)
def test_a_wrong_value_gets_its_sentence(problems: Problems, setting: str, value: str, expected: str) -> None:
    """One wrong value gives one sentence that names the setting and the variable, and not the value."""
    variable = f"NOTIFIER_{setting.replace('.', '__').upper()}"
    short_form = BOT if setting in {"slack.channel", "slack.bot_token"} else WEBHOOK
    found = problems({**DINTERO, **short_form, variable: value})
    assert found == (f"{setting} ({variable}): {expected}.",)


ENTRIES = [
    (
        "NOTIFIER_DINTERO__ACCOUNTS",
        '["P12345678", "P112"]',
        f"dintero.accounts#2 (NOTIFIER_DINTERO__ACCOUNTS): {ACCOUNT}.",
    ),
    (
        "NOTIFIER_DINTERO__CONNECTIONS",
        '["payex"]',
        (
            "dintero.connections#1 (NOTIFIER_DINTERO__CONNECTIONS): "
            "expected a product behind payex, such as payex/creditcard."
        ),
    ),
    (
        "NOTIFIER_DINTERO__CONNECTIONS",
        '["vipps", "../x"]',
        f"dintero.connections#2 (NOTIFIER_DINTERO__CONNECTIONS): {CONNECTION}.",
    ),
    (
        "NOTIFIER_DINTERO__CONNECTIONS",
        "[7]",
        "dintero.connections#1 (NOTIFIER_DINTERO__CONNECTIONS): expected text in quotes.",
    ),
    (
        "NOTIFIER_LINKS__ALLOWED_HOSTS",
        '["*"]',
        f"links.allowed_hosts#1 (NOTIFIER_LINKS__ALLOWED_HOSTS): {HOST}.",
    ),
    (
        "NOTIFIER_ROUTES",
        '[{"receivers": []}]',
        "routes#1.receivers (NOTIFIER_ROUTES): expected at least one entry.",
    ),
    (
        "NOTIFIER_ROUTES",
        '[{"receivers": ["sales"], "events": ["a b"]}]',
        (
            "routes#1.events#1 (NOTIFIER_ROUTES): expected a pattern without spaces, "
            "in which * stands for anything."
        ),
    ),
    (
        "NOTIFIER_ROUTES",
        "[{}]",
        (
            "routes#1.receivers (NOTIFIER_ROUTES): is missing: "
            "name receivers here, or in a route around this one."
        ),
    ),
    (
        "NOTIFIER_ROUTES",
        '[{"receivers": ["sales"], "continues": true}]',
        "routes#1.? (NOTIFIER_ROUTES): is no setting; did you mean continue?",
    ),
    (
        "NOTIFIER_POLL",
        "7",
        "poll (NOTIFIER_POLL): expected a table of settings (as a variable: a JSON object).",
    ),
    (
        "NOTIFIER_RECEIVERS",
        "[]",
        "receivers (NOTIFIER_RECEIVERS): expected a table of settings (as a variable: a JSON object).",
    ),
]


@pytest.mark.parametrize(("variable", "value", "sentence"), ENTRIES)
def test_a_wrong_entry_is_counted_from_one(
    problems: Problems, variable: str, value: str, sentence: str
) -> None:
    """A wrong entry of a list is named by its number, from #1; an unknown key in JSON is part of a value."""
    assert problems({**DINTERO, **WEBHOOK, variable: value}) == (sentence,)


@pytest.mark.parametrize(
    ("environ", "sentence"),
    [
        (
            {"NOTIFIER_POLL__INTERVAL_SECONDS": "30", "NOTIFIER_POLL__QUIET_INTERVAL_SECONDS": "20"},
            (
                "poll.quiet_interval_seconds (NOTIFIER_POLL__QUIET_INTERVAL_SECONDS): "
                "expected no less than interval_seconds in the same section."
            ),
        ),
        (
            {"NOTIFIER_POLL__INTERVAL_SECONDS": "901"},
            "poll.quiet_interval_seconds: expected no less than interval_seconds in the same section.",
        ),
        (
            {"NOTIFIER_POLL__MAX_BODY_MIB": "129"},
            "poll.max_bodies_mib: expected no less than max_body_mib in the same section.",
        ),
        (
            {"NOTIFIER_DELIVERY__FIRST_RETRY_SECONDS": "4000"},
            "delivery.max_retry_seconds: expected no less than first_retry_seconds in the same section.",
        ),
        (
            {"NOTIFIER_DINTERO__ACCOUNT_ID": "P112"},
            (
                "dintero.discover: expected true, or a list of accounts, "
                "because account_id is a partner's id of "
                "three digits, which has no connections of its own."
            ),
        ),
    ],
)
def test_values_that_do_not_fit_one_another(
    problems: Problems, environ: dict[str, str], sentence: str
) -> None:
    """A value that is fine alone but not beside another gets one sentence, also when it is a default."""
    assert problems({**DINTERO, **WEBHOOK, **environ}) == (sentence,)


def test_numbers_in_toml_must_be_numbers(problems: Problems) -> None:
    """True is no number, a number is no text, and a number too large for a machine is out of bounds."""
    toml = f"[poll]\nattempts = true\nconcurrency = {10**400}\n[store]\nurl = 7\n[log]\nlevel = [1]\n"
    assert problems({**DINTERO, **WEBHOOK}, toml=toml) == (
        "poll.concurrency (config/notifier.toml, line 3): expected a whole number from 1 to 1000.",
        "poll.attempts (config/notifier.toml, line 2): expected a whole number from 1 to 20.",
        "store.url (config/notifier.toml, line 5): expected text in quotes.",
        "log.level (config/notifier.toml, line 7): expected debug, info, warning or error.",
    )


def test_normal_forms(load: Load) -> None:
    """Addresses, words and lists come out in one form, whatever their spelling was."""
    settings = load(
        {
            **DINTERO,
            **BOT,
            "NOTIFIER_DINTERO__BASE_URL": "http://localhost:8080/v1//",
            "NOTIFIER_DINTERO__ACCOUNTS": '["P22222222", "P11111111", "P22222222"]',
            "NOTIFIER_DINTERO__CONNECTIONS": '["vipps", "payex/creditcard", "vipps"]',
            "NOTIFIER_DINTERO__DISCOVER": "yes",
            "NOTIFIER_SLACK__BASE_URL": "http://[::1]:8081/api",
            "NOTIFIER_SLACK__CHANNEL": "sales",
            "NOTIFIER_LOG__LEVEL": "WARNING",
            "NOTIFIER_LOG__FORMAT": "JSON",
            "NOTIFIER_STORE__URL": "sqlite:////var/lib/notifier/notifier.db",
            "NOTIFIER_LINKS__ALLOWED_HOSTS": '["*.Example.com"]',
        }
    )
    assert settings.dintero is not None
    assert settings.dintero.base_url == "http://localhost:8080/v1"
    assert settings.dintero.accounts == ("P22222222", "P11111111")
    assert settings.dintero.connections == ("vipps", "payex/creditcard")
    assert settings.dintero.discover is True
    assert settings.slack.base_url == "http://[::1]:8081/api/"
    assert settings.slack.channel == "#sales"
    assert (settings.log.level, settings.log.format) == ("warning", "json")
    assert settings.store.place == "/var/lib/notifier/notifier.db"
    assert settings.links.allowed_hosts == ("*.example.com",)


@pytest.mark.parametrize(
    ("written", "mention"),
    [
        ("@here", "<!here>"),
        ("@channel", "<!channel>"),
        ("<!everyone>", "<!everyone>"),
        ("U012AB3CD", "<@U012AB3CD>"),
        ("<@W012AB3CD|ann>", "<@W012AB3CD>"),
        ("S012AB3CD", "<!subteam^S012AB3CD>"),
        ("<!subteam^S012AB3CD|@oncall>", "<!subteam^S012AB3CD>"),
    ],
)
def test_mentions_come_out_in_slacks_form(load: Load, written: str, mention: str) -> None:
    """Whatever way a mention is written, it comes out as Slack reads it."""
    assert load({**DINTERO, **BOT, "NOTIFIER_SLACK__MENTION": written}).slack.mention == mention


def test_what_is_read_by_default(load: Load) -> None:
    """Without a list the account itself is read, a partner that discovers reads no single account."""
    alone = load({**DINTERO, **WEBHOOK}).dintero
    partner = {"NOTIFIER_DINTERO__ACCOUNT_ID": "P112", "NOTIFIER_DINTERO__DISCOVER": "true"}
    discovering = load({**DINTERO, **WEBHOOK, **partner}).dintero
    assert alone is not None
    assert discovering is not None
    assert alone.watched_accounts == ("P12345678",)
    assert discovering.watched_accounts == ()


@pytest.mark.parametrize("host", ["m" * 60 + "=" + "m" * 8, "a" * 64, "a.b" * 40 + "=", "hooks..slack.com"])
def test_a_wrong_host_is_refused_at_once(problems: Problems, host: str) -> None:
    """However long a mistyped host is, the start ends with its sentence: one that hangs says nothing."""
    started_at = process_time()
    (found,) = problems({**DINTERO, **WEBHOOK, "NOTIFIER_DINTERO__BASE_URL": f"https://{host}/v1"})
    assert found == f"dintero.base_url (NOTIFIER_DINTERO__BASE_URL): {BASE_URL}."
    assert process_time() - started_at < 1
