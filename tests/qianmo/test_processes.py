"""docker-compose.yml as the one definition of the processes, and that nothing outlives its parent."""

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
import yaml

from qianmo import orchestrator, processes
from qianmo.errors import ConfigurationError, ToolBrokenError
from qianmo.home import PROJECT_ROOT
from qianmo.serve import AIRFLOW_SERVICES


def test_compose_has_every_service_that_serve_starts() -> None:
    services = yaml.safe_load((PROJECT_ROOT / "docker-compose.yml").read_text(encoding="utf-8"))["services"]
    assert {*AIRFLOW_SERVICES, "superset"} <= set(services)
    for name in (*AIRFLOW_SERVICES, "superset"):
        assert all(isinstance(word, str) for word in services[name]["command"])


def test_command_is_that_of_compose_on_loopback() -> None:
    environment = orchestrator.environment(18080, PROJECT_ROOT / "banks" / "sample")
    command = processes.command("airflow-api-server", environment)
    assert command == ["airflow", "api-server", "--host", "127.0.0.1", "--port", "18080", "--workers", "1"]
    assert processes.command("airflow-api-server", {})[3:6] == ["0.0.0.0", "--port", "8080"]
    superset = {"QIANMO_ADDRESS": "127.0.0.1", "QIANMO_SUPERSET_PORT": "18088"}
    assert "127.0.0.1:18088" in processes.command("superset", superset)


def test_programs_of_compose_are_installed() -> None:
    binaries = {"airflow-scheduler": "pipeline", "superset": "superset"}
    for service, environment in binaries.items():
        program = processes.command(service, {})[0]
        assert (PROJECT_ROOT / ".venv" / environment / "bin" / program).exists()


def test_unknown_service() -> None:
    with pytest.raises(ConfigurationError, match="no service mainframe"):
        processes.command("mainframe", {})


def test_example_environment_has_no_values() -> None:
    lines = (PROJECT_ROOT / ".env.example").read_text(encoding="utf-8").splitlines()
    settings = [line for line in lines if line and not line.startswith("#")]
    assert settings
    assert all(line.endswith("=") for line in settings), "a committed value could be taken for a real secret"


def test_stop_ends_the_whole_group(tmp_path: Path) -> None:
    script = (
        "import subprocess, sys, time; p = subprocess.Popen(['sleep', '60']); print(p.pid, flush=True); time.sleep(60)"
    )
    started = processes.start("parent", [sys.executable, "-c", script], os.environ, tmp_path / "log")
    child = int(_eventually(lambda: (tmp_path / "log").read_text().strip()))
    processes.stop([started])
    assert _ended(child)


def test_an_ended_process_is_told_with_its_log(tmp_path: Path) -> None:
    started = processes.start("shell", ["sh", "-c", "echo no disk; exit 4"], os.environ, tmp_path / "log")
    started.popen.wait()
    with pytest.raises(ToolBrokenError, match=r"shell ended with 4(.|\n)*no disk"):
        processes.require_running([started])


def test_children_end_when_the_parent_is_killed(tmp_path: Path) -> None:
    script = (
        "import os, pathlib, time; from qianmo import processes;"
        f"p = processes.start('child', ['sleep', '60'], os.environ, pathlib.Path({str(tmp_path / 'log')!r}));"
        "print(p.popen.pid, flush=True); time.sleep(60)"
    )
    with subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        child = int(parent.stdout.readline())
        parent.kill()
    assert _ended(child)


def _eventually(read: "object") -> str:
    for _ in range(100):
        if value := read():  # type: ignore[operator]
            return str(value)
        time.sleep(0.05)
    raise AssertionError("nothing came")


def _ended(pid: int) -> bool:
    for _ in range(100):
        try:
            state = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
        except FileNotFoundError:
            return True
        if state == "Z":
            return True
        time.sleep(0.05)
    return False
