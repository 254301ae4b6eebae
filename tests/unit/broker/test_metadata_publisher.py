"""A broker acts on metadata from its own registration on, and on all of it then."""

from __future__ import annotations

from dataclasses import replace

from minikafka.base.config import BrokerConfig
from minikafka.broker.metadata_publisher import MetadataPublisher
from minikafka.metadata.image import MetadataImage
from minikafka.metadata.states import MetadataDelta


class Host:
    """Notes what is applied."""

    def __init__(self) -> None:
        self.broker_epoch = -1
        self.applied: list[tuple[int, MetadataDelta]] = []
        self.publisher = MetadataPublisher(
            lambda image, delta: self.applied.append((image.offset, delta)),
            lambda: self.broker_epoch,
        )

    def offsets(self) -> list[int]:
        """Return the offsets of the images that were applied."""
        return [offset for offset, _ in self.applied]


def image(offset: int) -> MetadataImage:
    """Return an empty image up to an offset."""
    return replace(MetadataImage.empty(BrokerConfig.parse(1)), offset=offset)


CHANGE = MetadataDelta(brokers_changed=(7,))


def test_nothing_is_applied_before_the_registration() -> None:
    """Old records are of a former life, in which this broker may have led."""
    host = Host()
    host.publisher.publish(image(5), CHANGE)
    host.publisher.publish(image(9), CHANGE)
    assert host.applied == []


def test_registration_beyond_the_image_is_waited_for() -> None:
    """The answer may come before the record is applied: broker epoch 9 is its offset."""
    host = Host()
    host.broker_epoch = 9
    host.publisher.publish(image(9), CHANGE)
    assert host.applied == []
    host.publisher.publish(image(10), CHANGE)
    assert host.offsets() == [10]


def test_answer_may_come_after_its_record() -> None:
    """Then the answer begins it."""
    host = Host()
    host.publisher.publish(image(10), CHANGE)
    host.broker_epoch = 9
    host.publisher.maybe_begin(image(10))
    assert host.offsets() == [10]


def test_first_time_everything_changes_and_then_what_did() -> None:
    """What was held back is not lost: the first delta is that from nothing."""
    host = Host()
    host.broker_epoch = 3
    whole = image(4)
    host.publisher.publish(whole, CHANGE)
    host.publisher.publish(image(5), CHANGE)
    assert [delta for _, delta in host.applied] == [whole.everything(), CHANGE]
