"""`python -m minikafka`: the command line."""

from __future__ import annotations

import sys

from minikafka.cli import main

if __name__ == "__main__":
    sys.exit(main())
