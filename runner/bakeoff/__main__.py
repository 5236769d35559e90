"""``python -m bakeoff``."""

import sys

from bakeoff.cli.main import main

sys.exit(main())
