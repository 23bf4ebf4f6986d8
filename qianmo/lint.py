"""`qianmo lint`: SQL style (sqlfluff) and layer rules (dbt-bouncer) of the dbt project; writes nothing into it."""

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import yaml

from qianmo.definitions import DBT_PROJECT, dbt_variables
from qianmo.errors import ToolBrokenError
from qianmo.home import PROJECT_ROOT

RULES = PROJECT_ROOT / "dbt-bouncer.yml"


def lint(progress: Callable[[str], None]) -> None:
    """Parse the project, then hold its manifest and its SQL against the rules.

    Raises:
        ToolBrokenError: the project does not parse, or a rule does not hold; the findings are printed before.
    """
    with tempfile.TemporaryDirectory(prefix="qianmo-lint-") as scratch:
        folder = Path(scratch)
        environment = os.environ | {
            "QIANMO_WAREHOUSE": str(folder / "warehouse.duckdb"),
            "DBT_TARGET_PATH": str(folder / "target"),
            "DBT_LOG_PATH": str(folder / "logs"),
            "DBT_SEND_ANONYMOUS_USAGE_STATS": "false",
            "PYTHONPATH": str(PROJECT_ROOT),
        }
        variables = folder / "variables.json"
        variables.write_text(json.dumps(_variables(folder), ensure_ascii=False), encoding="utf-8")
        project = ["--project-dir", str(DBT_PROJECT), "--profiles-dir", str(DBT_PROJECT)]
        rules = folder / "dbt-bouncer.yml"
        rules.write_text(
            yaml.safe_dump(
                yaml.safe_load(RULES.read_text(encoding="utf-8")) | {"dbt_artifacts_dir": str(folder / "target")}
            ),
            encoding="utf-8",
        )
        binaries = Path(sys.executable).parent
        for name, command in {
            "dbt parse": [sys.executable, "-m", "qianmo.dbt_process", str(variables), "parse", *project],
            "layer rules": [str(binaries / "dbt-bouncer"), "run", "--config-file", str(rules)],
            "SQL style": [str(binaries / "sqlfluff"), "lint", "--processes", "2", str(DBT_PROJECT)],
        }.items():
            progress(name)
            done = subprocess.run(command, env=environment, cwd=PROJECT_ROOT, check=False)
            if done.returncode:
                raise ToolBrokenError(f"{name}: {command[0]} ended with {done.returncode}; its findings are above")


def _variables(folder: Path) -> dict[str, object]:
    """Any date and any place do: nothing is read."""
    return {
        "business_date": "2026-09-28",
        "landing_root": str(folder / "landing"),
        "legal_entity_code": "321281",
        "legal_entity_name": "示范农商银行",
        "timezone": "Asia/Shanghai",
        **dbt_variables(),
    }
