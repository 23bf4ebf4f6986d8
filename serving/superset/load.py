"""`load` brings Superset to the published marts; `start` runs its web server. Both use the Superset environment."""

import hashlib
import hmac
import os
import subprocess
from collections.abc import Callable
from pathlib import Path

from ingestion.bank import Bank
from qianmo.errors import ConfigurationError, ToolBrokenError
from qianmo.home import PROJECT_ROOT
from qianmo.settings import keys
from serving.publish import pointer_file
from serving.superset import assets
from serving.superset.dashboard_files import dashboards
from serving.superset.manifest import MANIFEST, marts

HERE = Path(__file__).parent
ENVIRONMENT = PROJECT_ROOT / ".venv" / "superset"
DEFAULT_PORT = 8088


def state(bank: Bank) -> Path:
    """Import files, Superset's own tables and its cache; one Superset serves one bank."""
    return bank.home.root / "superset"


def port() -> int:
    """Port of the web server: QIANMO_SUPERSET_PORT, by default 8088."""
    return int(os.environ.get("QIANMO_SUPERSET_PORT", DEFAULT_PORT))


def password(of: str = "users") -> str:
    """Password that new users of this installation get; `of="admin"` is the administrator's.

    Derived from the installation's secret, so that no two installations share it. A bank with its own
    directory service sets Superset's AUTH_TYPE and never uses it.
    """
    secret = keys().superset_secret_key.get_secret_value().encode()
    return hmac.new(secret, f"password of {of}".encode(), hashlib.sha256).hexdigest()[:16]


def environment(bank: Bank) -> dict[str, str]:
    """Environment variables of every Superset process."""
    return {
        **os.environ,
        "QIANMO_SUPERSET_STATE": str(state(bank)),
        "QIANMO_POINTER": str(pointer_file(bank.home)),
        "QIANMO_SUPERSET_SECRET_KEY": keys().superset_secret_key.get_secret_value(),
        "PYTHONPATH": str(HERE),
        "SCARF_ANALYTICS": "false",
        "FLASK_DEBUG": "0",
    }


def load(bank: Bank, progress: Callable[[str], None] | None = None, manifest: Path = MANIFEST) -> bool:
    """Bring Superset's metadata to the state of the published marts; False when nothing had to be done.

    Raises:
        ConfigurationError: a dashboard does not resolve, nothing is published, or the environment is missing.
        ToolBrokenError: Superset failed; the message ends with its last lines.
    """
    python = ENVIRONMENT / "bin" / "python"
    if not python.exists():
        raise ConfigurationError(f"no Superset environment at {ENVIRONMENT}: run `make setup` first")
    progress = progress or (lambda _: None)
    folder = state(bank)
    progress("生成 Superset 数据集和看板定义")
    assets.write(bank, marts(manifest), dashboards(), folder)
    digest = _digest(folder)
    done = folder / "loaded.sha256"
    if done.exists() and done.read_text() == digest:
        progress("Superset 已是最新")
        return False
    log = folder / "load.log"
    given = {
        **environment(bank),
        "QIANMO_SUPERSET_PASSWORD": password(),
        "QIANMO_SUPERSET_ADMIN_PASSWORD": password("admin"),
    }
    with (
        log.open("w") as errors,
        subprocess.Popen(
            [python, HERE / "provision.py", folder],
            env=given,
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
        ) as process,
    ):
        for line in process.stdout or ():
            if line.startswith("QIANMO "):
                progress(line.removeprefix("QIANMO ").strip())
    if process.returncode != 0:
        last = "\n".join(log.read_text(errors="replace").splitlines()[-15:])
        raise ToolBrokenError(f"Superset could not be loaded (exit {process.returncode}); see {log}:\n{last}")
    done.write_text(digest)
    return True


def server_command() -> list[str]:
    """The command that serves Superset on loopback; behind a proxy in production."""
    return [
        str(ENVIRONMENT / "bin" / "gunicorn"),
        "--bind",
        f"{os.environ.get('QIANMO_SUPERSET_HOST', '127.0.0.1')}:{port()}",
        "--worker-class",
        "gthread",
        "--workers",
        os.environ.get("QIANMO_SUPERSET_WORKERS", "1"),
        "--threads",
        "8",
        "--timeout",
        "120",
        "superset.app:create_app()",
    ]


def serve(bank: Bank) -> None:
    """Replace this process by the web server.

    Raises:
        ConfigurationError: nothing was loaded yet.
    """
    if not (state(bank) / "loaded.sha256").exists():
        raise ConfigurationError(f"Superset at {state(bank)} holds nothing yet: run `qianmo superset load` first")
    command = server_command()
    os.execve(command[0], command, environment(bank))  # noqa: S606 - no shell is wanted


def _digest(folder: Path) -> str:
    """SHA-256 over the import files and the scripts that read them."""
    digest = hashlib.sha256()
    files = [*folder.joinpath("assets").rglob("*.yaml"), folder / "provision.json", HERE / "provision.py"]
    for path in sorted(files):
        digest.update(path.name.encode() + path.read_bytes())
    return digest.hexdigest()
