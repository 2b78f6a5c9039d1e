"""A working directory of its own for every test, and the one way in which the tests load settings."""

from collections.abc import Mapping
from pathlib import Path
from typing import Protocol

import pytest

from notifier.errors import ConfigError
from notifier.settings import Settings, load_settings, loading

DINTERO = {
    "NOTIFIER_DINTERO__ACCOUNT_ID": "P12345678",
    "NOTIFIER_DINTERO__CLIENT_ID": "client",
    "NOTIFIER_DINTERO__CLIENT_SECRET": "client-secret",
}
WEBHOOK = {"NOTIFIER_SLACK__WEBHOOK_URL": "https://hooks.slack.com/services/T0/B0/x"}
BOT = {"NOTIFIER_SLACK__BOT_TOKEN": "xoxb-1", "NOTIFIER_SLACK__CHANNEL": "#sales"}


class Load(Protocol):
    """Load settings from an environment, and from files that are written first."""

    def __call__(
        self,
        environ: Mapping[str, str],
        *,
        toml: str | bytes | None = None,
        dotenv: str | None = None,
        config_path: Path | None = None,
    ) -> Settings:
        """Return the settings, or raise ConfigError."""


class Problems(Protocol):
    """Give the problems of settings that cannot work."""

    def __call__(
        self, environ: Mapping[str, str], *, toml: str | bytes | None = None, dotenv: str | None = None
    ) -> tuple[str, ...]:
        """Return one sentence for each problem."""


@pytest.fixture(autouse=True)
def _no_machine_secrets(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(loading, "DEFAULT_SECRETS_DIR", tmp_path / "run-secrets")


@pytest.fixture
def load(tmp_path: Path) -> Load:
    """Load settings in a directory of the test's own."""

    def load_here(
        environ: Mapping[str, str],
        *,
        toml: str | bytes | None = None,
        dotenv: str | None = None,
        config_path: Path | None = None,
    ) -> Settings:
        if toml is not None:
            (tmp_path / "config").mkdir(exist_ok=True)
            content = toml if isinstance(toml, bytes) else toml.encode()
            (tmp_path / "config/notifier.toml").write_bytes(content)
        if dotenv is not None:
            (tmp_path / ".env").write_text(dotenv, encoding="utf-8")
        return load_settings(config_path=config_path, environ=environ, cwd=tmp_path)

    return load_here


@pytest.fixture
def problems(load: Load) -> Problems:
    """Load settings that cannot work."""

    def load_in_vain(
        environ: Mapping[str, str], *, toml: str | bytes | None = None, dotenv: str | None = None
    ) -> tuple[str, ...]:
        with pytest.raises(ConfigError) as caught:
            load(environ, toml=toml, dotenv=dotenv)
        return caught.value.problems

    return load_in_vain
