"""Which value wins, and what is read from where."""

from pathlib import Path

import pytest

from notifier.errors import ConfigError
from notifier.settings import loading
from notifier.settings.files import MAX_SECRET_BYTES
from tests.unit.settings.conftest import BOT, DINTERO, WEBHOOK, Load, Problems

SECRET_FILE = "NOTIFIER_DINTERO__CLIENT_SECRET_FILE"
WITHOUT_SECRET = {key: value for key, value in DINTERO.items() if not key.endswith("SECRET")}
TOML = "[poll]\nconcurrency = 4\nattempts = 4\ninterval_seconds = 4\n"


def write_secret(directory: Path, name: str, content: str) -> None:
    """Write a file with a secret into a directory that may not be there yet."""
    directory.mkdir(exist_ok=True)
    (directory / name).write_text(content, encoding="utf-8")


def test_each_layer_wins_over_those_below(load: Load, tmp_path: Path) -> None:
    """The environment wins over .env, .env over files with secrets, and these over the TOML file."""
    write_secret(tmp_path / "secrets", "notifier_poll__concurrency", "3\n")
    write_secret(tmp_path / "secrets", "NOTIFIER_POLL__ATTEMPTS", "3\n")
    dotenv = "NOTIFIER_POLL__CONCURRENCY=2\nNOTIFIER_POLL__ATTEMPTS=2\n"
    environ = {**DINTERO, **WEBHOOK, "NOTIFIER_SECRETS_DIR": "secrets"}
    poll = load({**environ, "NOTIFIER_POLL__CONCURRENCY": "1"}, toml=TOML, dotenv=dotenv).poll
    assert (poll.concurrency, poll.attempts, poll.interval_seconds) == (1, 2, 4)
    poll = load({**environ, "NOTIFIER_POLL__CONCURRENCY": ""}, toml=TOML, dotenv="").poll
    assert (poll.concurrency, poll.attempts, poll.interval_seconds) == (3, 3, 4)


def test_tables_are_merged_and_lists_replaced(load: Load) -> None:
    """One key of a receiver may come by environment while the others stand in the file."""
    toml = '[receivers.sales]\nkind = "slack"\nchannel = "#sales"\n[dintero]\naccounts = ["P11111111"]\n'
    settings = load(
        {
            **DINTERO,
            "NOTIFIER_RECEIVERS__SALES__BOT_TOKEN": "xoxb-7",
            "NOTIFIER_RECEIVERS__ONCALL": '{"kind": "slack_webhook", "url": "https://hooks.slack.com/services/x"}',
            "NOTIFIER_DINTERO__ACCOUNTS": '["P22222222"]',
        },
        toml=toml,
    )
    sales, oncall = settings.receivers["sales"], settings.receivers["oncall"]
    assert sales.kind == "slack"
    assert sales.channel == "#sales"
    assert sales.bot_token is not None
    assert sales.bot_token.get_secret_value() == "xoxb-7"
    assert oncall.kind == "slack_webhook"
    assert settings.dintero is not None
    assert settings.dintero.accounts == ("P22222222",)


def test_everything_by_environment(load: Load) -> None:
    """Several sources, receivers and routes need no file."""
    settings = load(
        {
            **{key.replace("DINTERO__", "SOURCES__TEST__"): value for key, value in DINTERO.items()},
            "NOTIFIER_SOURCES__LIVE": '{"account_id": "P12345678", "client_id": "x"}',
            "NOTIFIER_SOURCES__LIVE__CLIENT_SECRET": "y",
            "NOTIFIER_RECEIVERS__OPS__KIND": "slack_webhook",
            "NOTIFIER_RECEIVERS__OPS__URL": "http://127.0.0.1:8080/hook",
            "NOTIFIER_RECEIVERS__OPS__PACE_SECONDS": "0",
            "NOTIFIER_ROUTES": '[{"receivers": ["ops"], "livemode": false, "continue": true}]',
        }
    )
    assert sorted(settings.sources) == ["live", "test"]
    assert settings.receivers["ops"].pace_seconds == 0
    assert settings.routes[0].continues is True
    assert settings.routes[0].livemode is False


def test_the_file_of_the_command_line_wins(load: Load, tmp_path: Path) -> None:
    """--config wins over NOTIFIER_CONFIG, and that over the usual place; .env may name it too."""
    for number, name in enumerate(("usual", "variable", "option"), start=1):
        (tmp_path / f"{name}.toml").write_text(f"[poll]\nconcurrency = {number}\n", encoding="utf-8")
    usual = (tmp_path / "usual.toml").read_bytes()
    environ = {**DINTERO, **WEBHOOK}
    named = {**environ, "NOTIFIER_CONFIG": "variable.toml"}
    assert load(environ, toml=usual).poll.concurrency == 1
    assert load(environ, toml=usual, dotenv="NOTIFIER_CONFIG=variable.toml").poll.concurrency == 2
    assert load(named, toml=usual).poll.concurrency == 2
    assert load(named, toml=usual, config_path=Path("option.toml")).poll.concurrency == 3


def test_dotenv_is_taken_as_written(load: Load) -> None:
    """Quotes, `export` and comments are understood, ${…} is not expanded, other programs' keys are left."""
    dotenv = (
        "# ours\nexport NOTIFIER_DINTERO__CLIENT_SECRET='a${HOME}b' # x\nOTHER=1\nNOTIFIER_POLL__ATTEMPTS\n"
    )
    settings = load({**WITHOUT_SECRET, **WEBHOOK}, dotenv=dotenv)
    assert settings.dintero is not None
    assert settings.dintero.client_secret.get_secret_value() == "a${HOME}b"


@pytest.mark.parametrize("end", ["", "\n", "\r\n"])
def test_a_secret_from_a_file(load: Load, tmp_path: Path, end: str) -> None:
    """A file with a secret counts without its line end, by a relative path as by an absolute one."""
    write_secret(tmp_path, "secret", f"s3cret{end}")
    for path in ("secret", str(tmp_path / "secret")):
        settings = load({**WITHOUT_SECRET, **WEBHOOK, SECRET_FILE: path})
        assert settings.dintero is not None
        assert settings.dintero.client_secret.get_secret_value() == "s3cret"


def test_every_secret_may_come_from_a_file(load: Load, tmp_path: Path) -> None:
    """Also those of receivers, also when .env names the file."""
    write_secret(tmp_path, "secret", "https://hooks.slack.com/services/T/B/x\n")
    settings = load(
        {**DINTERO, "NOTIFIER_RECEIVERS__SALES__KIND": "slack_webhook"},
        dotenv="NOTIFIER_RECEIVERS__SALES__URL_FILE=secret\n",
    )
    assert settings.receivers["sales"].kind == "slack_webhook"


def test_the_secrets_directory_of_the_machine(
    load: Load, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """/run/secrets is read where it exists; Kubernetes' links and other programs' files do no harm."""
    data = tmp_path / "run" / "..2026_11_22"
    data.mkdir(parents=True)
    (data / "NOTIFIER_DINTERO__CLIENT_SECRET").write_text("s3cret\n", encoding="utf-8")
    (tmp_path / "run" / "..data").symlink_to("..2026_11_22")
    (tmp_path / "run" / "NOTIFIER_DINTERO__CLIENT_SECRET").symlink_to(
        "..data/NOTIFIER_DINTERO__CLIENT_SECRET"
    )
    (tmp_path / "run" / "other").write_bytes(b"\xff")
    (tmp_path / "run" / "notifier_directory").mkdir()
    monkeypatch.setattr(loading, "DEFAULT_SECRETS_DIR", tmp_path / "run")
    settings = load({**WITHOUT_SECRET, **WEBHOOK})
    assert settings.dintero is not None
    assert settings.dintero.client_secret.get_secret_value() == "s3cret"


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (None, "names a file that does not exist"),
        (b"", "names a file that is empty"),
        (b"\n", "names a file that is empty"),
        (b"x" * (MAX_SECRET_BYTES + 1), "names a file that is larger than 64 KiB"),
        (b"\xff\xfe", "names a file that is no UTF-8 text"),
        ("directory", "names a file that is no regular file"),
        ("loop", "names a file that cannot be read"),
    ],
)
def test_a_file_that_cannot_be_used(
    problems: Problems, tmp_path: Path, content: bytes | str | None, sentence: str
) -> None:
    """A file that gives no secret is one sentence, without the path: somebody may put the secret there."""
    path = tmp_path / "xoxb-canary"
    if isinstance(content, bytes):
        path.write_bytes(content)
    elif content == "directory":
        path.mkdir()
    elif content == "loop":
        path.symlink_to(path)
    found = problems({**WITHOUT_SECRET, **WEBHOOK, SECRET_FILE: str(path)})
    assert found == (f"dintero.client_secret ({SECRET_FILE}): {sentence}.",)


def test_the_same_secret_twice(problems: Problems, tmp_path: Path) -> None:
    """A secret given directly and by a file is a mistake, whichever comes first."""
    write_secret(tmp_path, "secret", "x")
    assert problems({**DINTERO, **WEBHOOK, SECRET_FILE: "secret"}) == (
        f"{SECRET_FILE}: sets what NOTIFIER_DINTERO__CLIENT_SECRET sets too; keep one.",
    )


def test_faults_of_the_secrets_directory(problems: Problems, tmp_path: Path) -> None:
    """A directory that is named must be there, and what is named like a variable in it must be one."""
    environ = {**DINTERO, **BOT, "NOTIFIER_SECRETS_DIR": "secrets"}
    assert problems(environ) == ("NOTIFIER_SECRETS_DIR: names a directory that cannot be read.",)
    write_secret(tmp_path / "secrets", "notifier_slack__bot_tokn", "x")
    write_secret(tmp_path / "secrets", "notifier_slack__webhook_url", "\n")
    (tmp_path / "secrets/notifier_log__level").write_bytes(b"\xff")
    assert problems(environ) == (
        "log.level (the file notifier_log__level in the secrets directory): is no UTF-8 text.",
        (
            "the file notifier_slack__bot_tokn in the secrets directory: is no setting; "
            "did you mean NOTIFIER_SLACK__BOT_TOKEN?"
        ),
        "slack.webhook_url (the file notifier_slack__webhook_url in the secrets directory): is empty.",
        (
            "slack.webhook_url (the file notifier_slack__webhook_url in the secrets directory): "
            "cannot stand beside slack.channel; keep one of them."
        ),
    )


def test_a_named_file_must_exist(load: Load, problems: Problems) -> None:
    """The usual file may be absent; one that is named may not, and nothing is said of what it would hold."""
    assert load({**DINTERO, **WEBHOOK}).poll.concurrency == 20
    assert problems({"NOTIFIER_CONFIG": "none.toml"}) == (
        "NOTIFIER_CONFIG: names a file that does not exist.",
    )


def test_the_command_lines_file_must_exist(load: Load) -> None:
    """--config with a file that is not there is one sentence."""
    with pytest.raises(ConfigError) as caught:
        load({}, config_path=Path("none.toml"))
    assert caught.value.problems == ("--config: names a file that does not exist.",)


def test_dotenv_that_cannot_be_read(problems: Problems, tmp_path: Path) -> None:
    """A .env that is no text is one sentence."""
    (tmp_path / ".env").write_bytes(b"\xff\xfe")
    assert problems({**DINTERO, **WEBHOOK}) == (".env: is no UTF-8 text.",)
