"""Background processes of `qianmo demo` and `qianmo serve`: each in its own group, each ended by its own id."""

import ctypes
import os
import re
import signal
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from qianmo.errors import ConfigurationError, ToolBrokenError
from qianmo.home import PROJECT_ROOT

COMPOSE_FILE = PROJECT_ROOT / "docker-compose.yml"
STOP_SECONDS = 15
_PR_SET_PDEATHSIG = 1


@dataclass(frozen=True)
class Process:
    """A started service; `log` holds everything it printed."""

    name: str
    popen: "subprocess.Popen[bytes]"
    log: Path


def services() -> dict[str, dict[str, Any]]:
    """The services of docker-compose.yml by name: the one definition of the processes' commands."""
    parsed: dict[str, dict[str, Any]] = yaml.safe_load(COMPOSE_FILE.read_text(encoding="utf-8"))["services"]
    return parsed


def command(service: str, environment: Mapping[str, str]) -> list[str]:
    """A service's command with `${NAME:-default}` replaced from the environment, as compose does it."""

    def value(match: re.Match[str]) -> str:
        return environment.get(match["name"]) or match["default"] or ""

    pattern = re.compile(r"\$\{(?P<name>\w+)(?::-(?P<default>[^}]*))?\}")
    try:
        words: list[str] = services()[service]["command"]
    except KeyError:
        raise ConfigurationError(f"{COMPOSE_FILE}: no service {service} with a command") from None
    return [pattern.sub(value, word) for word in words]


def free_port(preferred: int | None = None) -> int:
    """A free loopback port: the preferred one when nobody listens on it, else any."""
    for port in (preferred, 0):
        if port is None:
            continue
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            chosen: int = probe.getsockname()[1]
            return chosen
    raise ToolBrokenError("no free port on 127.0.0.1")


def start(name: str, arguments: Sequence[str], environment: Mapping[str, str], log: Path) -> Process:
    """Start a program in a process group of its own, which also ends when this process is killed."""
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("wb") as output:
        popen = subprocess.Popen(
            arguments,
            env=dict(environment),
            cwd=PROJECT_ROOT,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            preexec_fn=end_with_parent,  # noqa: PLW1509
        )
    return Process(name, popen, log)


def end_with_parent() -> None:
    """For `preexec_fn`: the child gets SIGTERM when its parent is killed. Linux only."""
    prctl = getattr(ctypes.CDLL(None), "prctl", None)
    if prctl is not None:
        prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)


def stop(processes: Sequence[Process]) -> None:
    """End every process group: politely first, then by force after STOP_SECONDS."""
    for process in reversed(processes):
        _signal(process, signal.SIGTERM)
    deadline = time.monotonic() + STOP_SECONDS
    for process in processes:
        with suppress(subprocess.TimeoutExpired):
            process.popen.wait(max(0.1, deadline - time.monotonic()))
        # Also what the leader left behind in its group.
        _signal(process, signal.SIGKILL)
        process.popen.wait()


def _signal(process: Process, number: signal.Signals) -> None:
    with suppress(ProcessLookupError):
        os.killpg(process.popen.pid, number)


def require_running(processes: Sequence[Process]) -> None:
    """Raise ToolBrokenError with the end of its log when one of the processes has ended."""
    for process in processes:
        code = process.popen.poll()
        if code is not None:
            raise ToolBrokenError(f"{process.name} ended with {code}; see {process.log}:\n{tail(process.log)}")


def tail(log: Path, lines: int = 20) -> str:
    """The last lines of a text file; empty when it is not there."""
    if not log.exists():
        return ""
    return "\n".join(log.read_text(encoding="utf-8", errors="replace").splitlines()[-lines:])


@contextmanager
def terminated_as_interrupt() -> Iterator[None]:
    """Treat SIGTERM like Ctrl-C, so that `finally` ends what was started."""

    def interrupt(_number: int, _frame: object) -> None:
        raise KeyboardInterrupt

    previous = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, previous)
