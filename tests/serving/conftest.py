"""A published bank, the manifest that describes it, and a Superset that serves it: made once for this folder."""

import json
import os
import shutil
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from ingestion.bank import Bank, load_bank
from qianmo.definitions import dbt_variables
from qianmo.home import PROJECT_ROOT
from qianmo.processes import command, free_port, start, stop, tail
from qianmo.serve import superset_environment
from qianmo.settings import keys
from serving.publish import publish
from serving.superset.load import load
from tests.county import SampleCounty
from tests.serving.small_marts import LAST_DAY, fill_warehouse, small_bank

START_SECONDS = 90


@pytest.fixture(scope="package")
def manifest(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The real dbt project's manifest, from `dbt parse`."""
    folder = tmp_path_factory.mktemp("dbt")
    variables = {
        "business_date": LAST_DAY.isoformat(),
        "landing_root": str(folder),
        "legal_entity_code": "321281",
        "legal_entity_name": "示范农商银行",
        "timezone": "Asia/Shanghai",
        **dbt_variables(),
    }
    project = PROJECT_ROOT / "dbt_project"
    given = folder / "variables.json"
    given.write_text(json.dumps(variables), encoding="utf-8")
    subprocess.run(
        [sys.executable, "-m", "qianmo.dbt_process", given, "parse",
         "--project-dir", project, "--profiles-dir", project,
         "--target-path", folder / "target", "--log-path", folder / "logs"],
        cwd=PROJECT_ROOT,
        env={**os.environ, "QIANMO_WAREHOUSE": str(folder / "w.duckdb"), "DBT_SEND_ANONYMOUS_USAGE_STATS": "false"},
        check=True,
        capture_output=True,
    )  # fmt: skip
    return folder / "target" / "manifest.json"


@pytest.fixture(scope="package")
def published(manifest: Path, tmp_path_factory: pytest.TempPathFactory) -> Bank:
    """A small bank made by hand, published: for tests of the import files."""
    bank = small_bank(tmp_path_factory.mktemp("bank"))
    fill_warehouse(bank.home, manifest)
    publish(bank, LAST_DAY)
    return bank


@pytest.fixture(scope="package")
def county(sample_county: SampleCounty, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bank]:
    """A copy of the session's county that may be published to and loaded again."""
    home = tmp_path_factory.mktemp("county_superset")
    shutil.copy(sample_county.home / "keys.env", home)
    for name in ("published", "warehouse", "superset"):
        shutil.copytree(sample_county.bank.root / name, home / "sample" / name)
    for file in sample_county.bank.root.glob("ledger.sqlite*"):
        shutil.copy(file, home / "sample")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("QIANMO_HOME", str(home))
        keys.cache_clear()
        bank = load_bank(PROJECT_ROOT / "banks" / "sample")
        bank.home.dbt_manifest.parent.mkdir(parents=True)
        shutil.copy(sample_county.bank.dbt_manifest, bank.home.dbt_manifest)
        yield bank
    keys.cache_clear()


@pytest.fixture(scope="package")
def superset(county: Bank) -> Iterator[str]:
    """Address of a Superset loaded with the county and served by the command of docker-compose.yml."""
    load(county)
    port = free_port()
    environment = superset_environment(port, county)
    process = start("superset", command("superset", environment), environment, county.home.root / "superset.log")
    address = f"http://127.0.0.1:{port}"
    try:
        deadline = time.monotonic() + START_SECONDS
        while True:
            try:
                urllib.request.urlopen(f"{address}/health", timeout=5).close()
                break
            except OSError:
                if time.monotonic() > deadline or process.popen.poll() is not None:
                    pytest.fail(f"Superset does not answer:\n{tail(process.log, 30)}")
                time.sleep(0.5)
        yield address
    finally:
        stop([process])
