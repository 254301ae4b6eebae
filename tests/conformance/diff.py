"""All differences between minikafka and Apache Kafka, one line each, versions folded.

`python -m tests.conformance.diff [PATTERN ...]` where a pattern is part of a case id.

Kafka counterpart: none.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections import defaultdict

from tests.conformance.case import all_cases
from tests.conformance.compare import Difference, differences, explanation
from tests.conformance.oracle import Oracle, Subject

__all__ = ["main"]

LONGEST = 110


def _folded(versions: list[int]) -> str:
    """Return versions as ranges: 0-3,5."""
    runs: list[list[int]] = []
    for each in versions:
        if runs and runs[-1][-1] == each - 1:
            runs[-1].append(each)
        else:
            runs.append([each])
    return ",".join(f"{r[0]}-{r[-1]}" if len(r) > 1 else str(r[0]) for r in runs)


def _short(value: object) -> str:
    text = json.dumps(value)
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}…"


def _print_folded(found: list[Difference]) -> None:
    folded: dict[tuple[str, str, str, str], list[int]] = defaultdict(list)
    for each in found:
        case, _, version = each.where.rpartition("/v")
        # Answers that name the version in a value would never fold.
        values = (_short(each.kafka), _short(each.ours))
        folded[(case, each.path, *values)].append(int(version))
    last = ""
    for (case, path, kafka, ours), versions in folded.items():
        if case != last:
            print(f"\n{case}")
            last = case
        print(f"  v{_folded(versions)}  {path}\n      kafka {kafka}\n      ours  {ours}")


def main() -> int:
    """Compare the chosen cases and print what differs; 1 if anything unlisted does."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("pattern", nargs="*", help="part of a case id; default all")
    parser.add_argument("--bootstrap", help="a running minikafka, instead of one started here")
    parser.add_argument("--fresh", action="store_true", help="ask Kafka again, use no record")
    parser.add_argument("--listed", action="store_true", help="show listed differences too")
    parser.add_argument("--kafka-only", action="store_true", help="print Kafka's answers only")
    options = parser.parse_args()
    chosen = [
        (case, version)
        for case, version in all_cases()
        if not options.pattern or any(each in case.at(version) for each in options.pattern)
    ]
    shown: list[Difference] = []
    equal = explained = 0
    with Oracle(recorded=not options.fresh) as oracle, Subject(options.bootstrap) as subject:
        for case, version in chosen:
            kafka = oracle.answers(case, version)
            if options.kafka_only:
                print(case.at(version), json.dumps(kafka, indent=1))
                continue
            found = differences(case.at(version), kafka, subject.answers(case, version))
            unlisted = [each for each in found if explanation(each) is None]
            shown += found if options.listed else unlisted
            equal += not found
            explained += bool(found) and not unlisted
    _print_folded(shown)
    print(f"\n{len(chosen)} asked, {equal} equal, {explained} explained, "
          f"{len(chosen) - equal - explained} differ in {len(shown)} values")  # fmt: skip
    return 1 if len(chosen) > equal + explained else 0


if __name__ == "__main__":
    sys.exit(main())
