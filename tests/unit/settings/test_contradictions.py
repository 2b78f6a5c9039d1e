"""Settings that are right one by one and wrong together, keys that do not exist, and all of it at once."""

import pytest

from tests.unit.settings.conftest import BOT, DINTERO, WEBHOOK, Load, Problems

NO_SOURCE = (
    "dintero: is missing: set NOTIFIER_DINTERO__ACCOUNT_ID, NOTIFIER_DINTERO__CLIENT_ID and "
    "NOTIFIER_DINTERO__CLIENT_SECRET, or write a section [dintero] or [sources.<name>]."
)
NO_RECEIVER = (
    "slack: is missing: set NOTIFIER_SLACK__WEBHOOK_URL, or NOTIFIER_SLACK__BOT_TOKEN and "
    "NOTIFIER_SLACK__CHANNEL, or write sections [receivers.<name>]."
)
SHORT_FORM = "is the short form, which cannot stand beside [receivers.<name>]; move it into a receiver."
FILE = "config/notifier.toml"
KINDS = "expected slack, slack_webhook, pagerduty, webhook or apprise."
SALES = '[receivers.sales]\nkind = "slack_webhook"\nurl = "https://hooks.slack.com/services/T/B/x"\n'
OPS = SALES.replace("sales", "ops")


def test_nothing_set(problems: Problems) -> None:
    """Without any setting, both the source and the receiver are asked for."""
    assert problems({}) == (NO_SOURCE, NO_RECEIVER)


def test_empty_variables_are_not_set(problems: Problems) -> None:
    """An empty variable, also an unknown one, is as good as none."""
    empty = dict.fromkeys({**DINTERO, **BOT, "NOTIFIER_NONSENSE": "", "NOTIFIER_CONFIG": ""}, "")
    assert problems(empty) == (NO_SOURCE, NO_RECEIVER)


def test_part_of_a_source(problems: Problems) -> None:
    """What a source lacks is named with its variable, and with its file where it is a secret."""
    assert problems({"NOTIFIER_DINTERO__ACCOUNT_ID": "P12345678", **WEBHOOK}) == (
        "dintero.client_id: is missing: set NOTIFIER_DINTERO__CLIENT_ID, or write it into [dintero].",
        (
            "dintero.client_secret: is missing: set NOTIFIER_DINTERO__CLIENT_SECRET "
            "(or NOTIFIER_DINTERO__CLIENT_SECRET_FILE), or write it into [dintero]."
        ),
    )


TOGETHER = [
    pytest.param(
        {**DINTERO, **BOT, **WEBHOOK},
        "",
        "slack.webhook_url (NOTIFIER_SLACK__WEBHOOK_URL): "
        "cannot stand beside slack.channel; keep one of them.",
        id="webhook and channel",
    ),
    pytest.param(
        {**DINTERO, "NOTIFIER_SLACK__BOT_TOKEN": "xoxb-1"},
        "",
        "slack.bot_token (NOTIFIER_SLACK__BOT_TOKEN): "
        "needs slack.channel beside it (NOTIFIER_SLACK__CHANNEL), "
        "or receivers in [receivers.<name>].",
        id="token without channel",
    ),
    pytest.param(
        {**DINTERO, "NOTIFIER_SLACK__CHANNEL": "#sales"},
        "",
        "slack.channel (NOTIFIER_SLACK__CHANNEL): needs slack.bot_token beside it "
        "(NOTIFIER_SLACK__BOT_TOKEN or NOTIFIER_SLACK__BOT_TOKEN_FILE).",
        id="channel without token",
    ),
    pytest.param(
        {**DINTERO, **WEBHOOK},
        SALES,
        f"slack.webhook_url (NOTIFIER_SLACK__WEBHOOK_URL): {SHORT_FORM}",
        id="webhook beside receivers",
    ),
    pytest.param(
        DINTERO,
        f'{SALES}[slack]\nchannel = "#sales"\n',
        f"slack.channel ({FILE}, line 5): {SHORT_FORM}",
        id="channel beside receivers",
    ),
    pytest.param(
        DINTERO,
        f'{SALES}[slack]\nmention = "@here"\n',
        f"slack.mention ({FILE}, line 5): {SHORT_FORM}",
        id="mention beside receivers",
    ),
    pytest.param(
        DINTERO,
        OPS,
        f"receivers ({FILE}, line 1): has none named sales, and there are no [[routes]]; "
        "name one of them sales, or write routes.",
        id="neither sales nor routes",
    ),
    pytest.param(
        DINTERO,
        f'{OPS}[[routes]]\nreceivers = ["ops"]\ncontinue = true\n[[routes]]\nreceivers = ["ops", "sales"]\n',
        f"routes#2.receivers#2 ({FILE}, line 8): names a receiver that does not exist; there is ops.",
        id="route to nobody",
    ),
    pytest.param(
        {**DINTERO, **WEBHOOK},
        '[[routes]]\nreceivers = ["ops"]\n',
        f"routes#1.receivers#1 ({FILE}, line 2): "
        "names a receiver that does not exist; there is oncall, sales.",
        id="route to nobody in the short form",
    ),
    pytest.param(
        DINTERO,
        '[receivers.sales]\nkind = "slack"\nchannel = "#sales"\n',
        f"receivers.sales.bot_token ({FILE}, line 1): is missing: set it for this receiver, or for all as "
        "slack.bot_token (NOTIFIER_SLACK__BOT_TOKEN or NOTIFIER_SLACK__BOT_TOKEN_FILE).",
        id="slack without token",
    ),
    pytest.param(
        DINTERO,
        '[receivers.sales]\nkind = "slack_webhook"\n',
        f"receivers.sales.url ({FILE}, line 1): is missing: set NOTIFIER_RECEIVERS__SALES__URL "
        "(or NOTIFIER_RECEIVERS__SALES__URL_FILE), or write it into [receivers.sales].",
        id="webhook without url",
    ),
    pytest.param(
        {**DINTERO, "NOTIFIER_SLACK__BOT_TOKEN": "xoxb-1"},
        '[receivers.sales]\nkind = "slack"\n',
        f"receivers.sales.channel ({FILE}, line 1): is missing: set NOTIFIER_RECEIVERS__SALES__CHANNEL, "
        "or write it into [receivers.sales].",
        id="slack without channel",
    ),
    pytest.param(
        {**DINTERO},
        SALES.replace("slack_webhook", "teams"),
        f"receivers.sales.kind ({FILE}, line 2): {KINDS}",
        id="unknown kind",
    ),
    pytest.param(
        {**DINTERO},
        SALES.replace('kind = "slack_webhook"\n', ""),
        f"receivers.sales.kind ({FILE}, line 1): {KINDS}",
        id="no kind",
    ),
    pytest.param(
        {**DINTERO, **WEBHOOK},
        '[sources.test]\naccount_id = "T12345678"\nclient_id = "x"\nclient_secret = "y"\n',
        "dintero.account_id (NOTIFIER_DINTERO__ACCOUNT_ID): is the short form, "
        "which cannot stand beside [sources.<name>]; move it to a section there.",
        id="dintero beside sources",
    ),
    pytest.param(
        WEBHOOK,
        '[sources.Test]\naccount_id = "T12345678"\nclient_id = "x"\nclient_secret = "y"\n',
        f"sources.Test ({FILE}, line 1): "
        "expected a name of lower-case letters, digits, _ and -, such as sales.",
        id="name of a source",
    ),
    pytest.param(
        {**DINTERO, **WEBHOOK},
        "[pol]\n",
        f"pol ({FILE}, line 1): is no setting; did you mean poll?",
        id="unknown section",
    ),
    pytest.param(
        {**DINTERO, **WEBHOOK},
        "concurrency = 7\n",
        f"concurrency ({FILE}, line 1): is no setting; did you mean poll.concurrency?",
        id="key outside its section",
    ),
    pytest.param(
        {**DINTERO, **WEBHOOK},
        '_env_file = "x"\n',
        f"_env_file ({FILE}, line 1): is no setting; remove it.",
        id="name that pydantic-settings would take",
    ),
    pytest.param(
        {**DINTERO, **WEBHOOK},
        "[poll]\nintervall_seconds = 7\n",
        f"poll.intervall_seconds ({FILE}, line 2): is no setting; did you mean interval_seconds?",
        id="unknown key",
    ),
    pytest.param(
        DINTERO,
        f'{SALES}channel = "#sales"\n',
        f"receivers.sales.channel ({FILE}, line 4): is no setting; did you mean slack.channel?",
        id="key of another kind",
    ),
    pytest.param(
        {**DINTERO, **WEBHOOK, "NOTIFIER_POLL_CONCURENCY": "7"},
        "",
        "NOTIFIER_POLL_CONCURENCY: is no setting; did you mean NOTIFIER_POLL__CONCURRENCY?",
        id="unknown variable",
    ),
    pytest.param(
        {**DINTERO, **WEBHOOK, "NOTIFIER_XYZ": "7"},
        "",
        "NOTIFIER_XYZ: is no setting; remove it.",
        id="variable like no other",
    ),
    pytest.param(
        {**DINTERO, **WEBHOOK, "NOTIFIER_CONFIGFILE": "x"},
        "",
        "NOTIFIER_CONFIGFILE: is no setting; did you mean NOTIFIER_CONFIG?",
        id="variable like NOTIFIER_CONFIG",
    ),
    pytest.param(
        {**DINTERO, **WEBHOOK, "NOTIFIER_RECEIVERS__OPS__CHANEL": "#x"},
        "",
        "NOTIFIER_RECEIVERS__OPS__CHANEL: is no setting; did you mean NOTIFIER_RECEIVERS__OPS__CHANNEL?",
        id="variable of a receiver",
    ),
    pytest.param(
        {**DINTERO, **WEBHOOK, "NOTIFIER_LOG__LEVEL_FILE": "x"},
        "",
        "NOTIFIER_LOG__LEVEL_FILE: is no setting; did you mean NOTIFIER_LOG__LEVEL?",
        id="file of what is no secret",
    ),
    pytest.param(
        {**DINTERO, **WEBHOOK, "notifier_slack__webhook_url": "https://hooks.slack.com/services/T/B/y"},
        "",
        "notifier_slack__webhook_url: sets what NOTIFIER_SLACK__WEBHOOK_URL sets too; keep one.",
        id="the same variable in another case",
    ),
]


@pytest.mark.parametrize(("environ", "toml", "sentence"), TOGETHER)
def test_one_mistake_one_sentence(
    problems: Problems, environ: dict[str, str], toml: str, sentence: str
) -> None:
    """Each mistake gives exactly its one sentence, with the place of what is wrong."""
    assert problems(environ, toml=toml) == (sentence,)


def test_kubernetes_variables_are_not_judged(load: Load) -> None:
    """What Kubernetes gives every container beside a service named notifier is no mistake."""
    injected = {
        "NOTIFIER_SERVICE_HOST": "10.0.0.1",
        "NOTIFIER_SERVICE_PORT_HTTP": "80",
        "NOTIFIER_PORT": "tcp://10.0.0.1:80",
        "NOTIFIER_PORT_80_TCP_ADDR": "10.0.0.1",
        "NOTIFIERS": "x",
        "PATH": "/bin",
    }
    assert load({**DINTERO, **WEBHOOK, **injected}).poll.concurrency == 20


def test_everything_is_reported_at_once(problems: Problems) -> None:
    """Mistakes from every place and of every kind come in one report."""
    found = problems(
        {
            "NOTIFIER_POLL__CONCURRENCY": "many",
            "NOTIFIER_NONSENSE": "1",
            "NOTIFIER_DINTERO__CLIENT_SECRET_FILE": "none",
        },
        toml=f'{OPS}[dintero]\naccount_id = "X"\n[log]\nlevel = "loud"\ncolour = true\n',
        dotenv='NOTIFIER_STORE__URL="mysql://u:p@h/d"\nNOTIFIER_LOGLEVEL=1\n=x\n',
    )
    assert found == (
        "line 3 of .env: is not of the form NAME=value.",
        "NOTIFIER_NONSENSE: is no setting; remove it.",
        "dintero.client_secret (NOTIFIER_DINTERO__CLIENT_SECRET_FILE): names a file that does not exist.",
        "NOTIFIER_LOGLEVEL on line 2 of .env: is no setting; did you mean NOTIFIER_LOG__LEVEL?",
        (
            f"dintero.account_id ({FILE}, line 5): expected P or T and eight digits, such as P12345678 "
            "(a partner may have three)."
        ),
        (
            f"dintero.client_id ({FILE}, line 4): is missing: set NOTIFIER_DINTERO__CLIENT_ID, "
            "or write it into [dintero]."
        ),
        "poll.concurrency (NOTIFIER_POLL__CONCURRENCY): expected a whole number from 1 to 1000.",
        (
            "store.url (NOTIFIER_STORE__URL on line 1 of .env): expected sqlite:///<file> "
            "(three slashes, then a path from the working directory) or sqlite:////<file> (four, then a path "
            "from the root), or postgresql://<user>:<password>@<host>:<port>/<database>."
        ),
        f"log.level ({FILE}, line 7): expected debug, info, warning or error.",
        f"log.colour ({FILE}, line 8): is no setting; remove it.",
        (
            f"receivers ({FILE}, line 1): has none named sales, and there are no [[routes]]; "
            "name one of them sales, or write routes."
        ),
    )
