"""Addresses that operators give: who they lead to, and which key goes there.

A server stands inside a network that its operators may not see. So a name is resolved and every
address of it must be one of the open internet, unless a setting of the server allows others. The
process that asks goes to the addresses that were looked at and no others (`pin`): a name that
leads elsewhere a moment later (DNS rebinding) leads nowhere.

A key belongs to a host. The variable it is read from is made from the host's name, so no address
that somebody types can draw the key of another.
"""

from __future__ import annotations

import ipaddress
import re
import socket
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import anyio

from valuecompass.errors import InputError
from valuecompass.hashing import digest

KEY = "VALUECOMPASS_KEY_"
"""Before the name of a host: the variable that holds its key."""
NO_KEY = "none"
"""Sent where there is no key for a host; servers of one's own often want none."""
_LABEL = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")
_PORTS = {"https": 443, "http": 80}
_INSIDE = (
    # an address of Azure's that looks open and leads to the machine's own secrets
    ipaddress.ip_network("168.63.129.16/32"),
    # what was site-local once is private where it is still used
    ipaddress.ip_network("fec0::/10"),
)
_HOLDERS = (
    # IPv6 networks whose addresses hold an IPv4 address in their last 32 bits
    ipaddress.ip_network("64:ff9b::/96"),
    ipaddress.ip_network("::/96"),
)
Address = ipaddress.IPv4Address | ipaddress.IPv6Address


@dataclass(frozen=True)
class Endpoint:
    """An address that was looked at.

    url: as it was given.
    host, port: of it.
    addresses: all that the name leads to.
    """

    url: str
    host: str
    port: int
    addresses: tuple[str, ...]

    @property
    def service(self) -> str:
        """Name of the service in a model's name; no provider's name begins like it."""
        host = re.sub(r"[^a-z0-9]", "-", self.host)
        return f"at-{host}-{digest(self.url, 8)}"

    @property
    def key_name(self) -> str:
        """The variable that holds the key of this host."""
        if ":" in self.host:
            return f"{KEY}IP6_{int(ipaddress.IPv6Address(self.host)):032X}"
        # no two names give one variable: a name has no hyphen beside a dot
        return KEY + self.host.upper().replace("-", "__").replace(".", "_")

    def environment(self, environment: Mapping[str, str]) -> dict[str, str]:
        """Return the variables by which the model layer finds address and key."""
        name = self.service.upper().replace("-", "_")
        key = environment.get(self.key_name) or NO_KEY
        return {f"{name}_BASE_URL": self.url, f"{name}_API_KEY": key}


def parse_url(url: str) -> tuple[str, str, int]:
    """Return scheme, host and port of an address.

    Raises:
        ValueError: it is none, or holds what an address of a model must not.
    """
    if len(url) > 300 or not url.isascii() or not url.isprintable():
        raise ValueError("give an address of up to 300 plain signs")
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError:
        raise ValueError("give an address such as https://host/v1") from None
    if parts.scheme not in _PORTS or not host:
        raise ValueError("give an address such as https://host/v1")
    if parts.username is not None or parts.password is not None:
        raise ValueError("leave name and password out; the key comes from the environment")
    if parts.query or parts.fragment or "?" in url or "#" in url:
        raise ValueError("leave out what follows ? or #; the key comes from the environment")
    if "%" in host:
        raise ValueError("leave the zone of the address out")
    if not _is_address(host) and not all(map(_LABEL.fullmatch, host.rstrip(".").split("."))):
        raise ValueError("this is no name of a host")
    return parts.scheme, host.rstrip("."), port or _PORTS[parts.scheme]


async def look_up(url: str, *, allow_private: bool) -> Endpoint:
    """Return an address with all that its name leads to.

    Args:
        url: ``https://host/v1``; ``http`` only where private addresses are allowed, because a key
            must not be read on the way.
        allow_private: the server's setting.

    Raises:
        InputError: it is no address, has no name, or leads inside.
    """
    try:
        scheme, host, port = parse_url(url)
    except ValueError as error:
        raise InputError(f"base_url: {error}") from None
    if scheme == "http" and not allow_private:
        raise InputError("base_url: give an https address; http is for private networks")
    try:
        found = await anyio.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        raise InputError(f"base_url: the name {host} cannot be resolved") from None
    addresses = tuple(dict.fromkeys(str(one[4][0]) for one in found))
    if not allow_private and not all(map(is_open, addresses)):
        raise InputError(
            f"base_url: {host} leads to an address inside this server's network; its operator can "
            "allow that (valuecompass serve --allow-private)"
        )
    return Endpoint(url, host, port, addresses)


def is_open(text: str) -> bool:
    """Say whether an IP address lies in the open internet.

    Not open are private, loopback, link-local (where clouds keep their metadata), shared,
    multicast and reserved ones, and IPv6 addresses that hold such an IPv4 one.
    """
    address = ipaddress.ip_address(text.partition("%")[0])
    held = _held(address)
    if held is not None:
        return is_open(str(held))
    return (
        address.is_global
        and not address.is_multicast
        and not any(address.version == n.version and address in n for n in _INSIDE)
    )


def _held(address: Address) -> ipaddress.IPv4Address | None:
    if isinstance(address, ipaddress.IPv4Address):
        return None
    if address.ipv4_mapped is not None:
        return address.ipv4_mapped
    if address.sixtofour is not None:
        return address.sixtofour
    if address.teredo is not None:
        return address.teredo[1]
    if any(address in network for network in _HOLDERS):
        return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    return None


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def pin(endpoints: Sequence[Endpoint]) -> None:
    """Let the names of endpoints lead, in this process, to what was looked at and nowhere else."""
    known = {endpoint.host: endpoint.addresses for endpoint in endpoints}
    real = socket.getaddrinfo

    def pinned(host: Any, port: Any, *more: Any, **named: Any) -> Any:
        name = host.decode("ascii", "replace") if isinstance(host, bytes) else host
        addresses = known.get(str(name).rstrip(".").lower()) if name is not None else None
        if addresses is None:
            return real(host, port, *more, **named)
        found: list[Any] = []
        for address in addresses:
            try:
                found += real(address, port, *more, **named)
            except socket.gaierror:  # of another family than the one asked for
                continue
        if not found:
            raise socket.gaierror(socket.EAI_NONAME, "no address of this family")
        return found

    socket.getaddrinfo = pinned
