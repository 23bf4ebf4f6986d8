"""`load` brings Superset to the published marts, in the Superset environment."""

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
from serving.superset.manifest import marts

HERE = Path(__file__).parent
ENVIRONMENT = PROJECT_ROOT / ".venv" / "superset"


def state(bank: Bank) -> Path:
    """Import files, Superset's own tables and its cache; one Superset serves one bank."""
    return bank.home.root / "superset"


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


def load(bank: Bank, progress: Callable[[str], None] | None = None, manifest: Path | None = None) -> bool:
    """Bring Superset's metadata to the state of the published marts; False when nothing had to be done.

    `manifest` is dbt's of the build, by default that of the bank's last one.

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
    assets.write(bank, marts(manifest or bank.home.dbt_manifest), dashboards(), folder)
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


def _digest(folder: Path) -> str:
    """SHA-256 over the import files and the scripts that read them."""
    digest = hashlib.sha256()
    files = [*folder.joinpath("assets").rglob("*.yaml"), folder / "provision.json", HERE / "provision.py"]
    for path in sorted(files):
        digest.update(path.name.encode() + path.read_bytes())
    return digest.hexdigest()
