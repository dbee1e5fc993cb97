"""Who may do what: tokens in the header, and limits on those who knock too often."""

from __future__ import annotations

import ipaddress
import time
from collections import OrderedDict
from dataclasses import dataclass
from typing import Annotated

import anyio
from fastapi import Depends, Request
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from valuecompass.web.errors import Refused
from valuecompass.web.site import Here, Site
from valuecompass.web.tokens import Scope, Token, token_of

WRITES = (120, 2.0)
"""Writes of one token at once, and how many a second it regains: a label a second for hours."""
FAILURES = (10, 0.1)
"""Wrong tokens of one address at once, and how many a second it regains."""
COMPARISONS = (60, 1.0)
"""Comparisons of what one address sends, at once, and how many a second it regains.

A class behind one address can compare itself; a loop cannot keep a processor busy.
"""
COMPARED_AT_ONCE = 2
"""Of all addresses together; further ones wait, and the threads that make pages stay free."""
MOST_KNOWN = 10_000
"""Callers that are remembered; who has not come for the longest is forgotten."""
_bearer = HTTPBearer(
    auto_error=False, description="A token of `valuecompass token create`.", scheme_name="token"
)
_WANTED = {"www-authenticate": "Bearer"}


@dataclass
class _Bucket:
    left: float
    seen: float


class Limiter:
    """Lets each caller do so much at once, and regain it with time.

    Args:
        most: at once.
        rate: regained a second.
    """

    def __init__(self, most: int, rate: float) -> None:
        self._most, self._rate = most, rate
        self._known: OrderedDict[str, _Bucket] = OrderedDict()

    def wait(self, who: str) -> float:
        """Count one more; return the seconds that its caller has to wait, 0: none."""
        now = time.monotonic()
        bucket = self._known.setdefault(who, _Bucket(self._most, now))
        self._known.move_to_end(who)
        while len(self._known) > MOST_KNOWN:
            self._known.popitem(last=False)
        bucket.left = min(self._most, bucket.left + (now - bucket.seen) * self._rate)
        bucket.seen = now
        if bucket.left < 1:
            return (1 - bucket.left) / self._rate
        bucket.left -= 1
        return 0.0


class Limits:
    """The limits of one server."""

    def __init__(self) -> None:
        self.writes = Limiter(*WRITES)
        self.failures = Limiter(*FAILURES)
        self.comparisons = Limiter(*COMPARISONS)
        self.comparing = anyio.CapacityLimiter(COMPARED_AT_ONCE)


async def _caller(
    request: Request,
    here: Here,
    given: Annotated[HTTPAuthorizationCredentials | None, Depends(_bearer)],
) -> Token | None:
    """Return whose token comes with a request; None: there is none.

    A valid token is never turned away for wrong ones from the same address: many may share one.
    """
    if given is None:
        if request.headers.get("authorization"):
            raise Refused(401, "Authorization: give it as Bearer TOKEN.", _WANTED)
        return None
    token = await token_of(here.store, given.credentials)
    if token is None:
        wait = here.limits.failures.wait(address_of(request))
        if wait:
            raise _later("Too many wrong tokens came from this address", wait)
        raise Refused(
            401, "This token is not valid: it is wrong, has ended, or was revoked.", _WANTED
        )
    return token


Caller = Annotated[Token | None, Depends(_caller)]


async def reader(here: Here, caller: Caller) -> None:
    """Refuse who may not read: of a closed server everybody without a token."""
    if here.settings.closed and caller is None:
        raise Refused(401, "This server is closed: reading needs a token.", _WANTED)


async def comparing(request: Request, here: Here) -> None:
    """Refuse who has much worked out that nobody keeps."""
    if wait := here.limits.comparisons.wait(address_of(request)):
        raise _later("Too many comparisons came from this address", wait)


def address_of(request: Request) -> str:
    """Return who asks; of IPv6 the network, in which one machine has any number of addresses."""
    host = request.client.host if request.client else ""
    try:
        address = ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return host
    if address.version == 4:
        return host
    return str(address.ipv4_mapped or ipaddress.ip_network((address, 64), strict=False))


def _with(caller: Token | None, scope: Scope) -> Token:
    if caller is None:
        raise Refused(401, f"This needs a token of an {scope}.", _WANTED)
    if not caller.may(scope):
        raise Refused(403, f"This needs a token of an {scope}; yours is of an {caller.scope}.")
    return caller


def _writing(here: Site, token: Token) -> Token:
    if wait := here.limits.writes.wait(token.id):
        raise _later("Too many writes came with this token", wait)
    return token


async def _operator(caller: Caller) -> Token:
    return _with(caller, "operator")


async def _annotator(caller: Caller) -> Token:
    return _with(caller, "annotator")


async def _operator_writing(here: Here, caller: Caller) -> Token:
    return _writing(here, _with(caller, "operator"))


async def _annotator_writing(here: Here, caller: Caller) -> Token:
    return _writing(here, _with(caller, "annotator"))


def _later(what: str, seconds: float) -> Refused:
    rest = max(1, round(seconds + 0.5))
    return Refused(429, f"{what}; wait {rest} seconds.", {"retry-after": str(rest)})


Operator = Annotated[Token, Depends(_operator)]
"""Parameter of a route that an operator may read."""
Annotator = Annotated[Token, Depends(_annotator)]
"""Parameter of a route that annotators and operators may read."""
OperatorWrites = Annotated[Token, Depends(_operator_writing)]
"""Parameter of a route by which operators change something."""
AnnotatorWrites = Annotated[Token, Depends(_annotator_writing)]
"""Parameter of a route by which annotators and operators change something."""
