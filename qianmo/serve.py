"""`qianmo serve`: the services of docker-compose.yml on this machine, on the loopback address, until Ctrl-C."""

import json
import os
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path

from ingestion.bank import Bank, load_bank
from qianmo import orchestrator
from qianmo.errors import ToolBrokenError
from qianmo.home import PROJECT_ROOT, home_root
from qianmo.processes import (
    Process,
    command,
    free_port,
    require_running,
    start,
    stop,
    tail,
    terminated_as_interrupt,
)
from serving.superset import load

AIRFLOW_SERVICES = (*orchestrator.SERVICES, "airflow-triggerer")
SUPERSET_PORT = 8088
START_SECONDS = 120


def superset_environment(port: int, bank: Bank) -> dict[str, str]:
    """The environment of Superset's web process on this machine."""
    binaries = PROJECT_ROOT / ".venv" / "superset" / "bin"
    return load.environment(bank) | {
        "PATH": f"{binaries}{os.pathsep}{os.environ['PATH']}",
        "QIANMO_ADDRESS": "127.0.0.1",
        "QIANMO_SUPERSET_PORT": str(port),
        "QIANMO_SUPERSET_WORKERS": "1",
    }


def logins(bank: Bank) -> dict[str, str]:
    """One Superset login per role, of those that `qianmo superset load` made."""
    users = json.loads((load.state(bank) / "provision.json").read_text(encoding="utf-8"))["users"]
    return {user["role"]: user["login"] for user in reversed(users)}


def serve(bank_folder: Path, progress: Callable[[str], None]) -> None:
    """Start Airflow and Superset, say where they are, and wait for Ctrl-C or SIGTERM."""
    superset_port = free_port(SUPERSET_PORT)
    airflow_port = free_port(orchestrator.PORT)
    airflow = orchestrator.environment(airflow_port, bank_folder)
    bank = load_bank(bank_folder)
    superset = superset_environment(superset_port, bank)
    logs = home_root() / "serve_logs"
    processes: list[Process] = []
    try:
        with terminated_as_interrupt():
            orchestrator.migrate(airflow)
            for service in AIRFLOW_SERVICES:
                processes.append(start(service, command(service, airflow), airflow, logs / f"{service}.log"))
            processes.append(start("superset", command("superset", superset), superset, logs / "superset.log"))
            _wait_for(f"http://127.0.0.1:{superset_port}/health", processes)
            _wait_for(f"http://127.0.0.1:{airflow_port}/api/v2/version", processes)
            progress(f"Superset  http://127.0.0.1:{superset_port}  (password {load.password()})")
            for role, login in logins(bank).items():
                progress(f"          {role}: {login}")
            progress(f"Airflow   http://127.0.0.1:{airflow_port}  ({orchestrator.USER} / {orchestrator.password()})")
            progress(f"logs in {logs}; Ctrl-C ends both")
            while True:
                require_running(processes)
                time.sleep(1)
    except KeyboardInterrupt:
        progress("ending")
    finally:
        stop(processes)


def _wait_for(address: str, processes: list[Process]) -> None:
    deadline = time.monotonic() + START_SECONDS
    while True:
        require_running(processes)
        try:
            with urllib.request.urlopen(address, timeout=5):  # noqa: S310 (a loopback address)
                return
        except OSError:
            if time.monotonic() > deadline:
                logs = "\n".join(f"{process.log}:\n{tail(process.log, 5)}" for process in processes)
                raise ToolBrokenError(f"no answer from {address} within {START_SECONDS} s\n{logs}") from None
            time.sleep(0.5)
