"""Addresses that operators give: all they lead to is looked at, and a key goes to its host only."""

from __future__ import annotations

import socket
from typing import Any

import pytest

from valuecompass.errors import InputError
from valuecompass.web import addresses
from valuecompass.web.addresses import Endpoint, is_open, look_up, pin
from valuecompass.web.secrets import covered, holds_key

pytestmark = pytest.mark.anyio

INSIDE = (
    *("127.0.0.1", "127.9.9.9", "10.0.0.1", "172.16.5.5", "192.168.1.1", "169.254.169.254"),
    *("100.64.0.1", "100.100.100.200", "168.63.129.16", "0.0.0.0", "255.255.255.255"),
    *("224.0.0.1", "192.0.0.1", "198.18.0.1", "::1", "::", "fe80::1", "fe80::1%eth0"),
    *("fd00:ec2::254", "fc00::1", "ff02::1", "::ffff:10.0.0.1", "::ffff:169.254.169.254"),
    *("64:ff9b::a00:1", "2002:7f00:1::", "::127.0.0.1"),
)
OPEN = ("93.184.216.34", "8.8.8.8", "2606:4700::1111", "::ffff:8.8.8.8", "64:ff9b::808:808")


@pytest.mark.parametrize("address", INSIDE)
def test_addresses_inside(address: str) -> None:
    assert not is_open(address)


@pytest.mark.parametrize("address", OPEN)
def test_addresses_in_the_open(address: str) -> None:
    assert is_open(address)


@pytest.mark.parametrize(
    "url",
    [
        *("https://127.0.0.1/v1", "https://[::1]/v1", "https://localhost/v1"),
        *("https://2130706433/v1", "https://0x7f.1/v1", "https://127.1/v1", "https://017700000001"),
        *("https://169.254.169.254/latest", "https://[::ffff:127.0.0.1]:8000/v1"),
    ],
)
async def test_ways_to_write_an_address_inside(url: str) -> None:
    with pytest.raises(InputError, match="inside this server's network"):
        await look_up(url, allow_private=False)
    found = await look_up(url, allow_private=True)
    assert found.addresses and not all(map(is_open, found.addresses))


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("ftp://host/v1", "give an address such as"),
        ("https://", "give an address such as"),
        ("https://host:99999/v1", "give an address such as"),
        ("https://user@host/v1", "leave name and password out"),
        ("https://host/v1#x", "leave out what follows"),
        ("https://ho_st/v1", "no name of a host"),
        ("https://-host/v1", "no name of a host"),
        ("http://93.184.216.34/v1", "give an https address"),
        ("https://nobody.invalid/v1", "cannot be resolved"),
    ],
)
async def test_what_is_no_address_of_a_model(url: str, says: str) -> None:
    with pytest.raises(InputError, match=says):
        await look_up(url, allow_private=False)


def resolving(*found: str) -> Any:
    def getaddrinfo(host: Any, port: Any, *_: Any, **__: Any) -> Any:
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (a, port)) for a in found]

    return getaddrinfo


async def test_one_address_inside_is_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(socket, "getaddrinfo", resolving("93.184.216.34", "10.0.0.7"))
    with pytest.raises(InputError, match="inside this server's network"):
        await look_up("https://llm.example.org/v1", allow_private=False)


async def test_a_name_that_leads_elsewhere_later_does_not(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(socket, "getaddrinfo", resolving("93.184.216.34"))
    found = await look_up("https://llm.example.org/v1", allow_private=False)

    def elsewhere(host: Any, port: Any, *_: Any, **__: Any) -> Any:
        address = host if host[0].isdigit() else "127.0.0.1"
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port))]

    monkeypatch.setattr(socket, "getaddrinfo", elsewhere)
    pin([found])
    for name in ("llm.example.org", "LLM.example.org.", b"llm.example.org"):
        assert [one[4][0] for one in socket.getaddrinfo(name, 443)] == ["93.184.216.34"]
    assert socket.getaddrinfo("other.example.org", 443)[0][4][0] == "127.0.0.1"


def test_a_key_belongs_to_a_host() -> None:
    hosts = ("llm.example.org", "llm-example.org", "llm.example-org", "openai", "::1", "api.a.b")
    ends = [Endpoint(f"https://{h}/v1", h, 443, ()) for h in hosts]
    assert len({e.key_name for e in ends}) == len({e.service for e in ends}) == len(hosts)
    assert all(e.key_name.startswith(addresses.KEY) for e in ends)
    environment = {"OPENAI_API_KEY": "secret", "VALUECOMPASS_KEY_LLM_EXAMPLE_ORG": "own"}
    told = [e.environment(environment) for e in ends]
    assert [v for one in told for k, v in one.items() if k.endswith("_API_KEY")] == [
        "own",
        *("none",) * 5,
    ]
    assert not {name for one in told for name in one} & environment.keys()


def test_keys_are_covered() -> None:
    environment = {"SOME_API_KEY": "abcdefgh12345", "HOME": "/home/somebody", "B_TOKEN": "x"}
    text = "Incorrect key abcdefgh12345 at postgresql://me:word@host/db, sk-" + "a" * 30
    told = covered(text, environment)
    assert told == "Incorrect key $SOME_API_KEY at postgresql://me:[password]@host/db, [key]"
    assert holds_key(text, environment) and not holds_key(told, environment)
    assert not holds_key("You are someone who keeps a token of friendship.", environment)
