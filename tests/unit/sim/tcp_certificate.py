"""A certificate for localhost that nobody has signed but itself, valid for a hundred years."""

from __future__ import annotations

import ssl
from pathlib import Path

__all__ = ["contexts"]

PEM = """\
-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgt1T5hP+S41ZY3t6D
vk+Uzy0ja73MVn+xpQserR3dMZehRANCAARc81lwD4zPjWV1tsNpMJ+fd2789jAJ
jIuQWlGINnpLwR/PIGv5hh5lE9dxPMOPwDPX7sSh07FBoFq+RLnPorVE
-----END PRIVATE KEY-----
-----BEGIN CERTIFICATE-----
MIIBmzCCAUGgAwIBAgIUWzjIf7jL4JHsQ0C5gZpPl46W5ccwCgYIKoZIzj0EAwIw
FDESMBAGA1UEAwwJbG9jYWxob3N0MCAXDTI2MTEyNzE0MTAzM1oYDzIxMjYxMTAz
MTQxMDMzWjAUMRIwEAYDVQQDDAlsb2NhbGhvc3QwWTATBgcqhkjOPQIBBggqhkjO
PQMBBwNCAARc81lwD4zPjWV1tsNpMJ+fd2789jAJjIuQWlGINnpLwR/PIGv5hh5l
E9dxPMOPwDPX7sSh07FBoFq+RLnPorVEo28wbTAdBgNVHQ4EFgQUFnsEmLSZB1ed
fLUTqGEeLg/g1NEwHwYDVR0jBBgwFoAUFnsEmLSZB1edfLUTqGEeLg/g1NEwDwYD
VR0TAQH/BAUwAwEB/zAaBgNVHREEEzARgglsb2NhbGhvc3SHBH8AAAEwCgYIKoZI
zj0EAwIDSAAwRQIhAMeNWBQ5K1OibwIDxXnr0/RItmZKPpGGgEQpxC2k5ICKAiBw
003vr1eEGJfb6IYNJMFgZfFLQfz4OmCjS0yecjmFKQ==
-----END CERTIFICATE-----
"""


def contexts(folder: Path) -> tuple[ssl.SSLContext, ssl.SSLContext]:
    """Return those of a client that looks at no certificate, and of a server that shows one."""
    client = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    client.check_hostname = False
    client.verify_mode = ssl.CERT_NONE
    path = folder / "server.pem"  # ssl reads it from a file only
    path.write_text(PEM, "ascii")
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(path)
    return client, server
