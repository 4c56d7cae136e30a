"""`python -m minikit` is the command `minikit`."""

from __future__ import annotations

import sys

from minikit.cli.main import main

if __name__ == "__main__":
    sys.exit(main())
