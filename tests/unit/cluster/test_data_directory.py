"""A data directory belongs to one broker of one cluster, and is used by one process."""

from __future__ import annotations

import os
from pathlib import Path
from uuid import UUID

import pytest

from minikafka.cluster.data_directory import DataDirectory, DataDirectoryRefused


def claim(path: Path, node_id: int = 1, cluster_id: str | None = None) -> DataDirectory:
    """Return the directory, claimed for a broker."""
    return DataDirectory(
        path,
        node_id,
        cluster_id,
        new_id=lambda: UUID(int=7),
        default_cluster_id="drawn",
    )


def test_new_directory_says_whose_it_is(tmp_path: Path) -> None:
    """The file is Kafka's, by name and by keys, and is none of the storage's files."""
    with claim(tmp_path / "deep" / "d", 3, "orders") as made:
        assert made.storage.list("") == []
        text = (tmp_path / "deep" / "d" / "meta.properties").read_text("utf-8")
    assert text.splitlines() == [
        "version=1",
        "cluster.id=orders",
        "node.id=3",
        "directory.id=AAAAAAAAAAAAAAAAAAAABw",
    ]


def test_cluster_id_is_remembered(tmp_path: Path) -> None:
    """Who names no cluster gets the directory's; of a new one that is the default."""
    claim(tmp_path / "a", cluster_id="orders").close()
    with claim(tmp_path / "a") as found, claim(tmp_path / "b") as made:
        assert (found.cluster_id, made.cluster_id) == ("orders", "drawn")


def test_files_are_found_again(tmp_path: Path) -> None:
    """The storage is the directory's, but for what says whose it is."""
    with claim(tmp_path) as made:
        made.storage.append("orders-0/1", b"abc")
    with claim(tmp_path) as found:
        assert found.storage.list("") == ["orders-0/1"]


@pytest.mark.parametrize(
    ("node_id", "cluster_id", "said"),
    [(2, None, "is node 1's, not 2's"), (1, "other", "is of cluster orders, not other")],
)
def test_another_brokers_directory_is_refused(
    tmp_path: Path, node_id: int, cluster_id: str | None, said: str
) -> None:
    """A broker that took it would answer for another one's records."""
    claim(tmp_path, 1, "orders").close()
    with pytest.raises(DataDirectoryRefused, match=said):
        claim(tmp_path, node_id, cluster_id)
    claim(tmp_path, 1, "orders").close()


def test_directory_in_use_is_refused_until_it_is_let_go(tmp_path: Path) -> None:
    """Two brokers never write to the same files."""
    with claim(tmp_path), pytest.raises(DataDirectoryRefused, match="in use by another broker"):
        claim(tmp_path)
    claim(tmp_path).close()


@pytest.mark.parametrize("text", ["version=9\ncluster.id=a\nnode.id=1\ndirectory.id=b", "x"])
def test_meta_file_that_is_not_understood_is_refused(tmp_path: Path, text: str) -> None:
    """Nothing is guessed about a directory."""
    (tmp_path / "meta.properties").write_text(text, "utf-8")
    with pytest.raises(DataDirectoryRefused, match="not of version 1"):
        claim(tmp_path)


def test_directory_of_something_else_is_refused(tmp_path: Path) -> None:
    """A directory with files and without an owner is nobody's to write to."""
    (tmp_path / "thesis.tex").write_text("x", "utf-8")
    with pytest.raises(DataDirectoryRefused, match=r"files of something else: thesis\.tex"):
        claim(tmp_path)
    assert sorted(os.listdir(tmp_path)) == [".lock", "thesis.tex"]


def test_half_written_meta_file_is_none(tmp_path: Path) -> None:
    """A process that died while it claimed the directory has not claimed it."""
    (tmp_path / "meta.properties.tmp").write_text("version=", "utf-8")
    with claim(tmp_path) as made:
        assert made.cluster_id == "drawn"
