"""Registration of handlers."""

from __future__ import annotations

import pytest

from minikafka.apis.handlers import REGISTERED
from minikafka.apis.registry import api
from minikafka.base.errors import BrokerBug
from minikafka.wire.versions import ApiKey


def test_second_handler_of_an_api_is_a_bug() -> None:
    """The first registration stands."""
    first = REGISTERED[ApiKey.METADATA]
    with pytest.raises(BrokerBug):
        api(ApiKey.METADATA)(lambda request, context: {})
    assert REGISTERED[ApiKey.METADATA] is first
