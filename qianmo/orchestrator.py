"""Airflow on this machine: its settings, its processes and the few REST calls the demo needs.

Airflow 3 facts this rests on: SQLite with LocalExecutor is supported when the path is absolute; a port other
than 8080 must also be named to the tasks (`EXECUTION_API_SERVER_URL`); every component must share the secrets
that the first command writes to `airflow.cfg`.
"""

import json
import os
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from qianmo.errors import ToolBrokenError
from qianmo.home import PROJECT_ROOT, home_root
from qianmo.processes import Process, command, free_port, require_running, start, stop, tail

WAREHOUSE_POOL = "warehouse"
"""One slot: a DuckDB file has one writer."""
PORT = 8080
USER = "admin"
START_SECONDS = 120
SERVICES = ("airflow-api-server", "airflow-scheduler", "airflow-dag-processor")


def airflow_home() -> Path:
    return home_root() / "airflow"


def environment(port: int, bank: Path, dags: Path = PROJECT_ROOT / "dags") -> dict[str, str]:
    """The environment of every Airflow process on this machine."""
    address = f"http://127.0.0.1:{port}"
    binaries = PROJECT_ROOT / ".venv" / "pipeline" / "bin"
    return os.environ | {
        "PATH": f"{binaries}{os.pathsep}{os.environ['PATH']}",
        "PYTHONPATH": str(PROJECT_ROOT),
        "QIANMO_HOME": str(home_root()),
        "QIANMO_BANK": str(bank),
        "QIANMO_ADDRESS": "127.0.0.1",
        "QIANMO_AIRFLOW_PORT": str(port),
        "QIANMO_AIRFLOW_WORKERS": "1",
        "AIRFLOW_HOME": str(airflow_home()),
        "AIRFLOW__API__BASE_URL": address,
        "AIRFLOW__API__EXPOSE_CONFIG": "false",
        "AIRFLOW__CORE__DAGS_FOLDER": str(dags),
        "AIRFLOW__CORE__DEFAULT_TIMEZONE": "Asia/Shanghai",
        "AIRFLOW__CORE__EXECUTION_API_SERVER_URL": f"{address}/execution/",
        "AIRFLOW__CORE__EXECUTOR": "LocalExecutor",
        "AIRFLOW__CORE__LOAD_EXAMPLES": "false",
        "AIRFLOW__CORE__PARALLELISM": "2",
        "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_USERS": f"{USER}:admin",
        "AIRFLOW__DAG_PROCESSOR__PARSING_PROCESSES": "1",
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": f"sqlite:///{airflow_home() / 'airflow.db'}",
        "AIRFLOW__USAGE_DATA_COLLECTION__ENABLED": "false",
    }


def migrate(variables: Mapping[str, str]) -> None:
    """Create or upgrade Airflow's own database and write the shared secrets."""
    airflow_home().mkdir(parents=True, exist_ok=True)
    log = airflow_home() / "migrate.log"
    with log.open("wb") as output:
        done = subprocess.run(
            command("airflow-migrate", variables),
            env=dict(variables),
            stdout=output,
            stderr=subprocess.STDOUT,
            check=False,
        )
    if done.returncode:
        raise ToolBrokenError(f"airflow db migrate ended with {done.returncode}; see {log}:\n{tail(log)}")


@contextmanager
def running(bank: Path, dags: Path = PROJECT_ROOT / "dags") -> Iterator["Airflow"]:
    """Airflow's processes, started and answering; ended with their groups when the block is left.

    It runs what it is asked for: whoever starts it at one at night does not want last night landed besides.
    """
    port = free_port(PORT)
    variables = environment(port, bank, dags) | {"QIANMO_NIGHTLY": "no"}
    migrate(variables)
    logs = airflow_home() / "process_logs"
    processes: list[Process] = []
    try:
        for service in SERVICES:
            processes.append(start(service, command(service, variables), variables, logs / f"{service}.log"))
        airflow = Airflow(f"http://127.0.0.1:{port}", processes)
        airflow.wait_until_up()
        yield airflow
    finally:
        stop(processes)


def password() -> str:
    """The generated password of USER; plain text is what Airflow's simple auth manager keeps, for one machine."""
    found: str = json.loads((airflow_home() / "simple_auth_manager_passwords.json.generated").read_text())[USER]
    return found


@dataclass
class Airflow:
    """A running Airflow and its REST interface (`/api/v2`)."""

    address: str
    processes: Sequence[Process]
    _token: str = field(default="", repr=False)

    def wait_until_up(self) -> None:
        deadline = time.monotonic() + START_SECONDS
        while True:
            require_running(self.processes)
            try:
                self._token = self._send("POST", "/auth/token", {"username": USER, "password": password()})[
                    "access_token"
                ]
                return
            except (OSError, KeyError, ValueError):
                if time.monotonic() > deadline:
                    raise ToolBrokenError(
                        f"Airflow did not answer on {self.address} within {START_SECONDS} s; "
                        f"see {self.processes[0].log}:\n{tail(self.processes[0].log)}"
                    ) from None
                time.sleep(0.5)

    def get(self, path: str) -> Any:
        return self.call("GET", path)

    def call(self, method: str, path: str, body: object = None) -> Any:
        """One REST call; raises ToolBrokenError with Airflow's own words when it refuses."""
        try:
            return self._send(method, f"/api/v2{path}", body)
        except urllib.error.HTTPError as error:
            words = error.read().decode("utf-8", "replace")[:500]
            raise ToolBrokenError(f"Airflow answered {error.code} to {method} {path}: {words}") from None

    def _send(self, method: str, path: str, body: object = None) -> Any:
        request = urllib.request.Request(  # noqa: S310
            self.address + path,
            method=method,
            data=None if body is None else json.dumps(body).encode(),
            headers={"Content-Type": "application/json", "Authorization": f"Bearer {self._token}"},
        )
        with urllib.request.urlopen(request, timeout=60) as answer:  # noqa: S310
            text = answer.read()
        return json.loads(text) if text else None
