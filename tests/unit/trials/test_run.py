"""What is loaded before a run."""

from __future__ import annotations

import pytest

from minikafka.trials.run import prepare
from minikafka.trials.trial import run_trial
from minikafka.wire.schemas import request_class, response_class


@pytest.mark.usefixtures("buried")
@pytest.mark.filterwarnings("ignore:Unclosed AIOKafka:ResourceWarning")
def test_trials_with_members_and_transactions_load_no_request() -> None:
    """Else each of hundreds of children would load it anew, as none keeps what it loads."""
    for loaded in (request_class, response_class):
        loaded.cache_clear()
    prepare.__wrapped__()
    before = request_class.cache_info().misses, response_class.cache_info().misses
    report = run_trial(1, seconds=10.0, profile="transactions")
    assert report.ok, report.text
    assert (request_class.cache_info().misses, response_class.cache_info().misses) == before
