"""Great Expectations at both gates: landed batches before the build, marts before publication.

Great Expectations takes seconds to import, so import `expectations.landing` and `expectations.marts` only where a
gate runs, and one process per gate.
"""

import os

# Great Expectations reads this once, when it is first imported, and would otherwise call a host outside.
os.environ["GX_ANALYTICS_ENABLED"] = "false"
