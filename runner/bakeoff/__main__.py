"""``python -m bakeoff``."""

import sys

from bakeoff.cli import main

sys.exit(main())
