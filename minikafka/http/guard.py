"""Who may ask: pure rules on the headers of a request.

A page of any site can make a browser send requests to this machine. So nothing is answered to
a page that is not ours (Origin, Sec-Fetch-Site), nor under a name that somebody else could
point here (Host: DNS rebinding). An address typed as digits cannot be pointed anywhere else.
Where it listens to other machines a token is wanted, too. Counterpart: none in Kafka.
"""

from __future__ import annotations

import hmac
import ipaddress
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

from minikafka.base.errors import ErrorCode
from minikafka.http.refusal import Refusal

__all__ = ["Admission", "is_loopback"]

FORBIDDEN, UNAUTHORIZED = 403, 401


@dataclass(frozen=True)
class Admission:
    """The rules of one server.

    Args:
        token: what `Authorization: Bearer` must carry; None asks for none.
        hosts: further names under which the server may be asked.
    """

    token: str | None = None
    hosts: tuple[str, ...] = ()

    def check(
        self, method: str, headers: Mapping[str, str], *, open_to_all: bool = False
    ) -> None:
        """Let a request through.

        Args:
            headers: names without regard to case, as aiohttp has them.
            open_to_all: no token is asked for, but all else.

        Raises:
            Refusal: 401 or 403.
        """
        host = headers.get("Host", "")
        if not self._is_ours(host):
            message = "the Host of this request is no name of this server"
            raise Refusal(FORBIDDEN, ErrorCode.CLUSTER_AUTHORIZATION_FAILED, message)
        if _is_cross_origin(method, headers, host):
            message = "pages of other origins are not answered"
            raise Refusal(FORBIDDEN, ErrorCode.CLUSTER_AUTHORIZATION_FAILED, message)
        if self.token is not None and not open_to_all:
            scheme, _, given = headers.get("Authorization", "").partition(" ")
            ours = self.token.encode("utf-8")
            theirs = given.strip().encode("utf-8", "surrogateescape")
            # In a time that does not tell how much of it was right.
            if scheme.lower() != "bearer" or not hmac.compare_digest(theirs, ours):
                raise Refusal(
                    UNAUTHORIZED,
                    ErrorCode.SASL_AUTHENTICATION_FAILED,
                    "Authorization: Bearer with this server's token is needed",
                    {"WWW-Authenticate": "Bearer"},
                )

    def _is_ours(self, host: str) -> bool:
        name = _name_of(host)
        if name is None:
            return False
        if name == "localhost" or name in (each.lower() for each in self.hosts):
            return True
        return _address(name) is not None


def is_loopback(host: str) -> bool:
    """Say whether only this machine reaches what listens there."""
    address = _address(host.lower())
    return host.lower() == "localhost" or (address is not None and address.is_loopback)


def _address(name: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(name)
    except ValueError:
        return None


def _name_of(host: str) -> str | None:
    """Return the name in a Host header, None where it is none."""
    try:
        parts = urlsplit(f"//{host}")
        _ = parts.port  # raises where it is no port
    except ValueError:
        return None
    return None if parts.netloc != host or "@" in host else parts.hostname


def _is_cross_origin(method: str, headers: Mapping[str, str], host: str) -> bool:
    origin = headers.get("Origin")
    if origin is not None:
        try:
            parts = urlsplit(origin)
        except ValueError:
            return True
        return parts.scheme not in ("http", "https") or parts.netloc.lower() != host.lower()
    site = headers.get("Sec-Fetch-Site", "none")
    # A link from elsewhere that somebody follows: its page sees nothing of the answer.
    followed = method == "GET" and headers.get("Sec-Fetch-Mode") == "navigate"
    return site in ("cross-site", "same-site") and not followed
