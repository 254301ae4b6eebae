"""Looks for planted bugs and writes what it took to docs/mutations.json.

python tools/score_mutations.py                 all of them
python tools/score_mutations.py M01 M12         some; the others keep their results
python tools/score_mutations.py --missing       those without a result, or not found yet

`python tools/gen_docs.py` makes docs/mutations.md of it.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

from minikafka.trials.mutations import MUTATIONS
from minikafka.trials.score import Found, score

ROOT = Path(__file__).resolve().parent.parent
RESULTS = ROOT / "docs" / "mutations.json"


def read_results() -> dict[str, Found]:
    """Return what is known of each planted bug."""
    if not RESULTS.exists():
        return {}
    return {
        name: Found.from_dict(data) for name, data in json.loads(RESULTS.read_text()).items()
    }


def write_results(results: dict[str, Found]) -> None:
    """Keep what is known of those that there are."""
    known = {
        name: found.as_dict() for name, found in sorted(results.items()) if name in MUTATIONS
    }
    RESULTS.write_text(json.dumps(known, indent=1) + "\n")


def main() -> int:
    """Score what is asked for; return 1 where something is not found."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("ids", nargs="*", metavar="ID")
    parser.add_argument("--missing", action="store_true")
    parser.add_argument("--seeds-max", type=int, default=200)
    parser.add_argument("--jobs", type=int, default=1)
    options = parser.parse_args()
    results = read_results()
    ids = options.ids or list(MUTATIONS)
    if options.missing:
        ids = [name for name in ids if name not in results or not results[name].caught]
    for name in ids:
        found = score(name, MUTATIONS[name], seeds_max=options.seeds_max, jobs=options.jobs)
        others = f" ({', '.join(found.others)} before)" if found.others else ""
        sys.stdout.write(f"{name}: {found.rule or 'not found'} after {found.seeds}{others}\n")
        sys.stdout.flush()
        # Somebody else may have scored others meanwhile.
        results = {**read_results(), name: found}
        write_results(results)
    return int(not all(results[name].caught for name in ids))


if __name__ == "__main__":
    sys.exit(main())
