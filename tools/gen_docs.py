"""Writes the documents that are made from code: docs/apis.md, from the table of versions, and
docs/mutations.md, from the planted bugs and from what `score_mutations.py` has found.

python tools/gen_docs.py            write what is stale
python tools/gen_docs.py --check    exit 1, with one line per document, if any is stale
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

from minikafka.trials.mutations import MUTATIONS
from minikafka.trials.score import Found, score_document
from minikafka.wire.versions import SERVED, ApiVersionRange

ROOT = Path(__file__).resolve().parent.parent

APIS_HEAD = """\
# APIs

Made from `minikafka/wire/versions.py` by `tools/gen_docs.py`; do not edit.

"Listed" is what an ApiVersions answer tells clients, "served" is what is handled: any other
version closes the connection, as in Apache Kafka. "Flexible from" is the first version with
compact types and tagged fields (KIP-482).
"""

CLIENT_HEAD = """
| key | API | listed | served | flexible from | handler | notes |
|--:|---|---|---|--:|---|---|
"""

INTERNAL_HEAD = """
## Between brokers

Not listed to clients.

| key | API | served | flexible from | handler | notes |
|--:|---|---|--:|---|---|
"""


def versions(low: int, high: int) -> str:
    """Render an inclusive range."""
    return str(low) if low == high else f"{low}–{high}"


def handler(row: ApiVersionRange) -> str:
    """Return the file that an API's handler has, by rule."""
    return f"`apis/k{row.key:02d}_{row.key.name.lower()}.py`"


def flexible(row: ApiVersionRange) -> str:
    """Render from when on an API has tagged fields, if ever."""
    return str(row.flexible_from) if row.flexible_from <= row.max else "–"


def client_row(row: ApiVersionRange) -> str:
    """Render one API that clients see."""
    listed = versions(row.advertised_min, row.max)
    served = versions(row.min, row.max)
    first = f"| {row.key} | {row.name} | {listed} | {served} | {flexible(row)} "
    return f"{first}| {handler(row)} | {row.note} |\n"


def internal_row(row: ApiVersionRange) -> str:
    """Render one API that only brokers use."""
    served = versions(row.min, row.max)
    first = f"| {row.key} | {row.name} | {served} | {flexible(row)} "
    return f"{first}| {handler(row)} | {row.note} |\n"


def apis_document() -> str:
    """Return the whole text of docs/apis.md."""
    rows = [row for _, row in sorted(SERVED.items())]
    parts = [APIS_HEAD, CLIENT_HEAD]
    parts += [client_row(row) for row in rows if not row.internal]
    parts.append(INTERNAL_HEAD)
    parts += [internal_row(row) for row in rows if row.internal]
    return "".join(parts)


def mutations_document() -> str:
    """Return the whole text of docs/mutations.md."""
    results = json.loads((ROOT / "docs" / "mutations.json").read_text("utf-8"))
    found = {name: Found.from_dict(data) for name, data in results.items()}
    return score_document(MUTATIONS, found)


def stale_documents(root: Path) -> list[tuple[Path, str]]:
    """Return (path, text it must have) of each document that differs from the code."""
    wanted = [
        (root / "docs" / "apis.md", apis_document()),
        (root / "docs" / "mutations.md", mutations_document()),
    ]
    return [
        (path, text)
        for path, text in wanted
        if not path.exists() or path.read_text("utf-8") != text
    ]


def main(arguments: list[str], root: Path = ROOT) -> int:
    """Write or check the documents; return the exit code."""
    parser = argparse.ArgumentParser(prog="gen_docs", description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing; 1 if stale")
    check = parser.parse_args(arguments).check
    stale = stale_documents(root)
    for path, text in stale:
        name = path.relative_to(root)
        if check:
            print(f"{name} is stale: make docs")
        else:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, "utf-8")
            print(f"wrote {name}")
    return 1 if check and stale else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
