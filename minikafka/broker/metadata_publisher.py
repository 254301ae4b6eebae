"""When a broker begins to act on metadata: once it has seen its own registration in it.

Before, a broker that starts again would take up roles of its former life: lead in an epoch that
is over while it replays old records, or be elected by a controller that takes it for the process
it was, though its disk has lost something since. With the registration the controller has taken
the former incarnation out of every ISR it was not alone in. Counterpart: initialCatchUpFuture of
BrokerServer and BrokerLifecycleManager, MetadataLoader. KIP-631.
"""

from __future__ import annotations

from collections.abc import Callable

from minikafka.metadata.image import MetadataImage
from minikafka.metadata.states import MetadataDelta

__all__ = ["MetadataPublisher"]


class MetadataPublisher:
    """Hands applied metadata on, from the registration on: first all of it, then each change.

    Args:
        apply: takes an image and what has changed in it.
        broker_epoch: this broker's registration, which is its offset in the metadata log; -1
            before there is one.
    """

    def __init__(
        self,
        apply: Callable[[MetadataImage, MetadataDelta], None],
        broker_epoch: Callable[[], int],
    ) -> None:
        self._apply = apply
        self._broker_epoch = broker_epoch
        self._begun = False

    def publish(self, image: MetadataImage, delta: MetadataDelta) -> None:
        """Hand a change on, or keep it until the registration is in."""
        if self._begun:
            self._apply(image, delta)
        else:
            self.maybe_begin(image)

    def maybe_begin(self, image: MetadataImage) -> None:
        """Begin if `image` holds the registration; also called when its answer comes."""
        if not self._begun and 0 <= self._broker_epoch() < image.offset:
            self._begun = True
            self._apply(image, image.everything())
