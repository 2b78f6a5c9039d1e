"""The first poll does not wait for what it does not need."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from notifier.garbage import OBJECTS_BETWEEN_LOOKS

ROOT = Path(__file__).parents[2]

NOT_YET = ("slack_sdk", "sqlalchemy", "alembic", "cryptography", "notifier.sandbox", "aiohttp.web", "jinja2")
"""What takes long to import, and is needed only behind the first poll or not at all."""

PROBE = """
import asyncio, gc, json, os, ssl, sys

def tell(runner, service):
    service.close()
    from aiohttp import connector
    from notifier.network import read_system_certificates
    print(json.dumps({
        "modules": sorted(sys.modules),
        "collects": gc.isenabled(),
        "frozen": gc.get_freeze_count(),
        "looks_after": gc.get_threshold()[0],
        "plugins": os.environ["PYDANTIC_DISABLE_PLUGINS"],
        "aiohttp_verifies": connector._SSL_CONTEXT_VERIFIED.verify_mode == ssl.CERT_REQUIRED,
        "aiohttp_trusts": connector._SSL_CONTEXT_VERIFIED.cert_store_stats()["x509"],
        "reads": read_system_certificates.cache_info().currsize,
        "trusted": read_system_certificates().result().cert_store_stats(),
        "default": ssl.create_default_context().cert_store_stats(),
    }))

asyncio.Runner.run = tell
from notifier import __main__
__main__.main()
"""


def _look(folder: Path, base_url: str, webhook_url: str) -> dict[str, Any]:
    """Start `notifier run` in a process of its own, and return how things stand when its loop begins."""
    (folder / "notifier.toml").write_text(
        f"""
        [dintero]
        base_url = "{base_url}"
        account_id = "P11200000"
        client_id = "client"
        client_secret = "canary-client-secret"
        [slack]
        webhook_url = "{webhook_url}"
        """
    )
    command = [sys.executable, "-c", PROBE, "--config", "notifier.toml", "run"]
    environ = {"PYTHONPATH": str(ROOT)}
    found = subprocess.run(command, cwd=folder, env=environ, check=True, capture_output=True, text=True)
    told: dict[str, Any] = json.loads(found.stdout)
    return told


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """Give how things stand where nothing is reached over TLS."""
    folder = tmp_path_factory.mktemp("plain")
    return _look(folder, "http://127.0.0.1:9/v1", "http://127.0.0.1:9/services/T0/B0/none")


@pytest.fixture(scope="module")
def secure(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """Give how things stand where everything is reached over TLS."""
    folder = tmp_path_factory.mktemp("secure")
    return _look(folder, "https://api.dintero.com/v1", "https://hooks.slack.com/services/T0/B0/none")


def test_nothing_is_imported_that_the_first_poll_does_not_need(plain: dict[str, Any]) -> None:
    """Slack's and the store's libraries must come later: they take longer than all that polls."""
    assert not set(NOT_YET) & set(plain["modules"])


def test_the_garbage_collector_works_again_and_leaves_what_stays(plain: dict[str, Any]) -> None:
    """It must rest only while the program loads, never look at what was loaded, and look seldom later."""
    assert plain["collects"]
    assert plain["frozen"] > 10_000
    assert plain["looks_after"] == OBJECTS_BETWEEN_LOOKS


def test_no_plugin_of_pydantic_sees_the_settings(plain: dict[str, Any]) -> None:
    """Whatever else is installed, nothing of it is asked to look at the secrets."""
    assert plain["plugins"] == "__all__"


def test_certificates_are_read_only_for_tls(plain: dict[str, Any], secure: dict[str, Any]) -> None:
    """Where nothing is reached over TLS, they must not be read; else once, all of them, and ahead of use."""
    assert (plain["reads"], secure["reads"]) == (0, 1)
    assert secure["trusted"] == secure["default"]


def test_a_session_without_our_certificates_trusts_nobody(secure: dict[str, Any]) -> None:
    """The context that aiohttp takes where none was given must verify, and hold no certificate."""
    assert secure["aiohttp_verifies"]
    assert secure["aiohttp_trusts"] == 0
