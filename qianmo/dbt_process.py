"""One dbt invocation in a process of its own: `python -m qianmo.dbt_process <variables.json> <command…>`.

A process that ran dbt keeps DuckDB's lock until it ends, so dbt never runs inside a longer-lived one. The variables
come from a file: the definitions outgrow what one command-line argument may hold. A line `node <status> <seconds>
<kind> <name>` is printed for each finished node, then whatever dbt itself reports as wrong.
"""

import sys
from pathlib import Path
from typing import Any

from dbt.cli.main import dbtRunner


def _report(event: Any) -> None:
    if event.info.name == "NodeFinished":
        node = event.data.node_info
        seconds = event.data.run_result.execution_time
        _say(f"node {node.node_status} {seconds:.1f} {node.resource_type} {node.node_name}")
    elif event.info.level == "error":
        _say(event.info.msg)


def _say(line: str) -> None:
    # One write a line: nodes finish on several threads.
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def main() -> int:
    """Run dbt; exit code 0 done, 1 a node failed, 2 dbt itself could not run."""
    variables, *arguments = sys.argv[1:]
    result = dbtRunner(callbacks=[_report]).invoke(
        [*arguments, "--vars", Path(variables).read_text(encoding="utf-8"), "--quiet", "--no-use-colors"]
    )
    if result.success:
        return 0
    if result.exception is not None:
        _say(str(result.exception))
        return 2
    return 1


if __name__ == "__main__":
    sys.exit(main())
