"""Deliver a date and kill this very process at a chosen file-system event: `killed_run <bank home parent> <event>`.

Events are counted over folders made, files written, renames, removals and ledger commits, so that every moment
between two of them can be hit exactly.
"""

import os
import shutil
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from delivery.deliver import hand_over
from qianmo import ledger
from qianmo.home import BankHome
from tests.delivery.conftest import DAY, county_bank


def main(event: int) -> None:
    count = 0

    def counted(function: Callable[..., Any]) -> Callable[..., Any]:
        def call(*arguments: Any, **options: Any) -> Any:
            nonlocal count
            count += 1
            if count == event:
                os.kill(os.getpid(), signal.SIGKILL)
            return function(*arguments, **options)

        return call

    for owner, name in ((Path, "mkdir"), (Path, "write_bytes"), (Path, "rename"), (shutil, "rmtree"), (ledger, "put")):
        setattr(owner, name, counted(getattr(owner, name)))
    hand_over(county_bank(BankHome.of("county")), DAY, lambda _: None)
    print(count)


if __name__ == "__main__":
    main(int(sys.argv[1]))
