"""Chance as an argument: named generators from one seed."""

from __future__ import annotations

import subprocess
import sys
import uuid

from minikafka.base.seeds import Seeds, random_id


def drawn(seeds: Seeds, name: str) -> list[int]:
    """Return the first numbers of a generator."""
    generator = seeds.generator(name)
    return [generator.randrange(1 << 30) for _ in range(4)]


def test_same_seed_and_name_give_the_same_numbers() -> None:
    """However often, and whatever was drawn elsewhere meanwhile."""
    seeds = Seeds(7)
    first = drawn(seeds, "placement")
    drawn(seeds, "other")
    assert drawn(seeds, "placement") == first == drawn(Seeds("7"), "placement")


def test_names_and_seeds_have_numbers_of_their_own() -> None:
    """A draw for one use never shifts those of another."""
    families = [
        drawn(Seeds(7), "a"),
        drawn(Seeds(7), "b"),
        drawn(Seeds(8), "a"),
        drawn(Seeds(7).child("x"), "a"),
        drawn(Seeds(7).child("y"), "a"),
    ]
    assert len({tuple(numbers) for numbers in families}) == len(families)


def test_numbers_do_not_depend_on_the_process() -> None:
    """Another PYTHONHASHSEED gives the same."""
    code = "from minikafka.base.seeds import Seeds; print(Seeds(7).generator('a').random())"
    printed = [
        subprocess.run(
            [sys.executable, "-c", code],
            env={"PYTHONHASHSEED": hash_seed, "PYTHONPATH": ":".join(sys.path)},
            capture_output=True,
            check=True,
            text=True,
        ).stdout
        for hash_seed in ("1", "2")
    ]
    assert printed[0] == printed[1] == f"{Seeds(7).generator('a').random()}\n"


def test_random_id_is_a_version_4_uuid_and_never_reserved() -> None:
    """Kafka keeps the ids 0 and 1 for itself."""
    generator = Seeds(1).generator("ids")
    ids = [random_id(generator) for _ in range(200)]
    assert {each.version for each in ids} == {4}
    assert {each.variant for each in ids} == {uuid.RFC_4122}
    assert len(set(ids)) == 200
