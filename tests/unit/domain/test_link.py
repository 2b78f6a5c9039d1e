"""Whether a signature link may be clicked."""

import pytest

from notifier.domain.link import MAX_URL_CHARS, assess_link
from notifier.domain.message import Link, Outside, RefusedLink
from notifier.domain.model import SignatureLink


def assess(url: str, *hosts: str) -> Link | RefusedLink:
    """Judge an address."""
    return assess_link(SignatureLink(url), "Open", hosts)


@pytest.mark.parametrize(
    "url",
    [
        "https://sign.vipps.example/s/1?a=b&c=d#e",
        "HTTPS://SIGN.vipps.example/",
        "https://sign.vipps.example:8443/s",
        "https://sign.vipps.example",
        "https://xn--lnbok-8qa.example/",
        "https://192.0.2.1/s",
        "https://[2001:db8::1]/s",
        "https://sign.vipps.example/%C3%A6%7C?q=(1)*_~'!",
    ],
)
def test_https_address_is_kept_as_it_is(url: str) -> None:
    """An ordinary address must be clickable, unchanged, under our words."""
    assert assess(url) == Link(url, "Open")


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("javascript:alert(1)", "it does not start with https://"),
        ("http://sign.example/", "it does not start with https://"),
        ("data:text/html,x", "it does not start with https://"),
        (" https://sign.example/", "it does not start with https://"),
        ("//sign.example/", "it does not start with https://"),
        ("https:sign.example", "it does not start with https://"),
        ("", "it does not start with https://"),
        ('["https://sign.example/"]', "it does not start with https://"),
        ('{"url":"https://sign.example/"}', "it does not start with https://"),
        ("https://sign.example/a b", "it holds a space, a backslash or an invisible character"),
        ("https://sign.example/\n", "it holds a space, a backslash or an invisible character"),
        ("https://sign.example\\@evil.example/", "it holds a space, a backslash or an invisible character"),
        ("https://sign.example/\u202egpj", "it holds a space, a backslash or an invisible character"),
        ("https://sign.example/\u200b", "it holds a space, a backslash or an invisible character"),
        ("https://sign.example/\x00", "it holds a space, a backslash or an invisible character"),
        ("https://sign.example/\ud800", "it holds a space, a backslash or an invisible character"),
        ("https://sign\u00adx.example/", "it holds a space, a backslash or an invisible character"),
        ("https://sign.example/" + "a" * 5_000, "it is longer than 3,000 characters"),
        ("https://sign.example/" + "æ" * 600, "it is longer than 3,000 characters"),
        ("https://sign.example:port/", "it is no valid address"),
        ("https://sign.example:99999/", "it is no valid address"),
        ("https://[::1/", "it is no valid address"),
        ("https://", "its host name is missing or not in plain letters"),
        ("https:///path", "its host name is missing or not in plain letters"),
        ("https://:443/", "its host name is missing or not in plain letters"),
        ("https://sígn.example/", "its host name is missing or not in plain letters"),
        ("https://ѕign.example/", "its host name is missing or not in plain letters"),
        ("https://si|gn.example/", "its host name is missing or not in plain letters"),
        ("https://evil.example%2f.sign.example/", "its host name is missing or not in plain letters"),
        ("https://evil.example;.sign.example/", "its host name is missing or not in plain letters"),
        ("https://sign.example@evil.example/", "it holds a user name, which hides the real host"),
        ("https://user:pw@sign.example/", "it holds a user name, which hides the real host"),
    ],
)
def test_other_address_is_refused_with_the_reason(url: str, reason: str) -> None:
    """Whatever could deceive must be refused, and kept as text with what is wrong with it."""
    assert assess(url) == RefusedLink(Outside(url), reason)


@pytest.mark.parametrize(
    ("path", "written"),
    [
        ("|", "%7C"),
        (">", "%3E"),
        ("<", "%3C"),
        ('"', "%22"),
        ("`", "%60"),
        ("æ", "%C3%A6"),
        ("{^}", "%7B%5E%7D"),
    ],
)
def test_what_could_end_a_link_is_percent_encoded(path: str, written: str) -> None:
    """No character may be left with which an address could break out of what it stands in."""
    assert assess(f"https://sign.example/a{path}?b{path}") == Link(
        f"https://sign.example/a{written}?b{written}", "Open"
    )


def test_length_is_that_of_what_is_sent() -> None:
    """An address must be allowed up to the limit, counted after encoding."""
    url = "https://sign.example/".ljust(MAX_URL_CHARS, "a")
    assert isinstance(assess(url), Link)
    assert isinstance(assess(url + "a"), RefusedLink)


@pytest.mark.parametrize(
    ("host", "allowed", "is_allowed"),
    [
        ("sign.vipps.example", "sign.vipps.example", True),
        ("SIGN.vipps.example", "Sign.Vipps.Example", True),
        ("sign.vipps.example:8443", "sign.vipps.example", True),
        ("sign.vipps.example", "*.vipps.example", True),
        ("a.b.vipps.example", "*.vipps.example", True),
        ("vipps.example", "*.vipps.example", False),
        ("evilvipps.example", "*.vipps.example", False),
        ("sign.vipps.example.evil.example", "sign.vipps.example", False),
        ("sign.vipps.example.evil.example", "*.vipps.example", False),
        ("evil.example", "vipps.example", False),
        ("sub.vipps.example", "vipps.example", False),
    ],
)
def test_allowed_hosts_restrict_the_host(host: str, allowed: str, *, is_allowed: bool) -> None:
    """A host must be the one allowed, or below a wildcard; nothing else in the address may count."""
    found = assess(f"https://{host}/vipps.example?x=sign.vipps.example", "other.example", allowed)
    assert isinstance(found, Link) is is_allowed
    if isinstance(found, RefusedLink):
        assert found.reason == "its host is not among links.allowed_hosts"


def test_neither_kind_of_link_shows_its_address() -> None:
    """No representation may hold the address, which is a secret."""
    assert "sign.example" not in repr(assess("https://sign.example/s"))
    assert "sign.example" not in repr(assess("http://sign.example/s"))
