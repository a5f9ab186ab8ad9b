"""`python -m rtvi_local` is `rtvi-local`."""

from __future__ import annotations

import sys

from rtvi_local.cli import main

if __name__ == "__main__":
    sys.exit(main())
