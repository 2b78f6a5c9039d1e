"""Settings for the whole product between a Dintero and a Slack of the test's own, and a CA of its own."""

import ipaddress
import logging
import shutil
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import structlog
from aiohttp import web
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from notifier.sandbox import SandboxDintero, SandboxSlack
from notifier.settings import Settings, load_settings, loading
from tests.fakes import FakeClock, FakeSource
from tests.security.keeping import Keeping, Start, begin

OWNER = "P11200000"
ACCOUNT = "P12345678"
CLIENT_ID = "CANARY-client-id"
CLIENT_SECRET = "CANARY-client-secret"
BOT_TOKEN = "xoxb-1111-2222-CANARYbottoken"
LINK = "https://sign.example.com/CANARY-link"

Handler = Callable[[web.BaseRequest], Awaitable[web.StreamResponse]]


@dataclass
class Stage:
    """A Dintero and a Slack over HTTP, and what the product's settings are between them."""

    dintero: SandboxDintero
    slack: SandboxSlack
    folder: Path
    environ: dict[str, str] = field(default_factory=dict)

    def load(self, **changed: str) -> Settings:
        """Load settings; `changed` are variables without their `NOTIFIER_`, taken away where they are ""."""
        return load_settings(config_path=None, environ=self.set(changed), cwd=self.folder)

    def set(self, changed: Mapping[str, str]) -> dict[str, str]:
        """Return the environment with some variables changed."""
        environ = self.environ | {f"NOTIFIER_{name}": text for name, text in changed.items()}
        return {name: text for name, text in environ.items() if text}

    def ask(self, link: str = LINK, name: str = "vipps") -> None:
        """Let the merchant apply, and Dintero ask for a signature."""
        if ACCOUNT not in self.dintero.account_ids():
            self.dintero.add_account(ACCOUNT, business_name="Fjordbris Sport AS")
        self.dintero.apply(ACCOUNT, name)
        self.dintero.require_signature(ACCOUNT, name, link=link)

    @property
    def messages(self) -> list[str]:
        """The texts in the channel, with all that stands in their blocks."""
        return [f"{one.text} {one.blocks}" for one in self.slack.messages("sales")]


@pytest.fixture
async def stage(tmp_path: Path, new_store: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Stage]:
    """Give a stage with a bot, the private channel sales, and no account."""
    monkeypatch.setattr(loading, "DEFAULT_SECRETS_DIR", tmp_path / "run-secrets")
    monkeypatch.chdir(tmp_path)
    shutil.copy(new_store, tmp_path / "notifier.db")
    async with (
        SandboxDintero(OWNER, client_id=CLIENT_ID, client_secret=CLIENT_SECRET).serve() as dintero,
        SandboxSlack().serve() as slack,
    ):
        slack.add_bot(token=BOT_TOKEN)
        channel = slack.add_channel("sales", is_private=True)
        environ = {
            "DINTERO__BASE_URL": dintero.base_url,
            "DINTERO__ACCOUNT_ID": OWNER,
            "DINTERO__CLIENT_ID": CLIENT_ID,
            "DINTERO__CLIENT_SECRET": CLIENT_SECRET,
            "DINTERO__DISCOVER": "true",
            "POLL__ATTEMPTS": "1",
            "SLACK__BASE_URL": slack.base_url,
            "SLACK__BOT_TOKEN": BOT_TOKEN,
            "SLACK__CHANNEL": channel.id,
            "DELIVERY__LOOK_SECONDS": "0",
            "STORE__URL": f"sqlite:///{tmp_path}/notifier.db",
            "LOG__LEVEL": "debug",
        }
        yield Stage(dintero, slack, tmp_path, {f"NOTIFIER_{name}": text for name, text in environ.items()})


@pytest.fixture(autouse=True)
def _restore_logging() -> Iterator[None]:
    """Leave the process's logging as it was."""
    root = logging.getLogger()
    before = root.level, root.handlers[:]
    yield
    root.setLevel(before[0])
    root.handlers[:] = before[1]
    structlog.reset_defaults()


class Authority:
    """A CA; `path` is the PEM file of its certificate."""

    def __init__(self, folder: Path, name: str) -> None:
        self._folder = folder
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = _make_name(name)
        builder = _start(self._name, self._name, self._key).add_extension(
            x509.BasicConstraints(ca=True, path_length=0), critical=True
        )
        usage = x509.KeyUsage(False, False, False, False, False, True, True, False, False)
        certificate = builder.add_extension(usage, critical=True).sign(self._key, hashes.SHA256())
        self.path = folder / f"{name}.pem"
        self.path.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))

    def issue(self, *hosts: str) -> ssl.SSLContext:
        """Return what a server with these names or IP addresses is served with."""
        key = ec.generate_private_key(ec.SECP256R1())
        alternatives = x509.SubjectAlternativeName([_name_host(host) for host in hosts])
        certificate = (
            _start(_make_name(hosts[0]), self._name, key)
            .add_extension(alternatives, critical=False)
            .sign(self._key, hashes.SHA256())
        )
        path = self._folder / "server.pem"
        path.write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.PKCS8,
                serialization.NoEncryption(),
            )
            + certificate.public_bytes(serialization.Encoding.PEM)
        )
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(path)
        return context


def _make_name(name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])


def _name_host(host: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(host))
    except ValueError:
        return x509.DNSName(host)


def _start(subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePrivateKey) -> x509.CertificateBuilder:
    now = datetime.now(UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(hours=1))
    )


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    """Give a CA that the product may be told to trust."""
    return Authority(tmp_path, "our-ca")


@pytest.fixture
def stranger(tmp_path: Path) -> Authority:
    """Give a CA that nobody trusts."""
    return Authority(tmp_path, "stranger-ca")


@asynccontextmanager
async def serve(handler: Handler, context: ssl.SSLContext | None = None) -> AsyncIterator[int]:
    """Serve one handler on a free port of this machine; gives the port."""
    runner = web.ServerRunner(web.Server(handler, access_log=None), shutdown_timeout=0.05)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0, ssl_context=context).start()
    try:
        yield int(runner.addresses[0][1])
    finally:
        await runner.cleanup()


@pytest.fixture
def path(new_store: Path, memory_path: Path) -> Path:
    """Give a new store in a file of its own."""
    path = memory_path / "notifier.db"
    shutil.copy(new_store, path)
    return path


@pytest.fixture
def start(path: Path, clock: FakeClock) -> Iterator[Start]:
    """Begin runs on one store."""
    begun: list[Keeping] = []

    def start_one(source: FakeSource, *keys: str) -> Keeping:
        if begun:
            begun[-1].database.close()
        begun.append(begin(path, clock, source, *keys))
        return begun[-1]

    yield start_one
    begun[-1].database.close()
