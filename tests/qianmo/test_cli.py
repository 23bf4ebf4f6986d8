"""The `qianmo` command: help, exit codes, one message instead of a traceback."""

import resource
import subprocess
import sys
from pathlib import Path

import pytest

from qianmo.errors import ConfigurationError, DataRefusedError, QianmoError, ToolBrokenError
from qianmo.home import PROJECT_ROOT

QIANMO = Path(sys.executable).with_name("qianmo")


def qianmo(home: Path, *arguments: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [QIANMO, *arguments],
        env={"PATH": "/usr/bin:/bin", "QIANMO_HOME": str(home)},
        cwd=home,
        capture_output=True,
        text=True,
    )


def test_help_answers_at_once(tmp_path: Path) -> None:
    before = resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime
    done = qianmo(tmp_path, "--help")
    processor_seconds = resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime - before
    assert processor_seconds < 1, "imports of the steps must stay inside the commands"
    assert done.returncode == 0
    for command in ("land", "build", "publish", "deliver", "run", "status", "where", "demo", "serve"):
        assert command in done.stdout


def test_help_imports_no_step() -> None:
    heavy = "{'duckdb', 'pandas', 'great_expectations', 'airflow', 'dbt', 'sqlalchemy', 'pyarrow'}"
    code = f"import sys, qianmo.cli; print(sorted({heavy} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_wrong_use_ends_with_2(tmp_path: Path) -> None:
    assert qianmo(tmp_path, "land").returncode == 2
    assert qianmo(tmp_path, "land", "--date", "30.09.2026").returncode == 2
    assert qianmo(tmp_path, "no-such-command").returncode == 2


def test_unknown_bank_is_one_message(tmp_path: Path) -> None:
    done = qianmo(tmp_path, "--bank", "banks/nowhere", "status")
    assert done.returncode == 2
    assert done.stderr.startswith("qianmo: no bank folder banks/nowhere")
    assert "Traceback" not in done.stderr


def test_the_sample_of_a_list(tmp_path: Path) -> None:
    done = qianmo(tmp_path, "list", "power", "credited_not_drawn", "--base-rate", "0.04", "--lift", "0.05")
    assert done.stdout.startswith("已授信未用信客户: 2,042 rows")
    done = qianmo(tmp_path, "list", "power", "large_deposit_structured", "--base-rate", "0.04")
    assert done.returncode == 2
    assert done.stderr.startswith("qianmo: large_deposit_structured holds nobody back")


def test_nothing_published_yet(tmp_path: Path) -> None:
    done = qianmo(tmp_path, "where", "marts")
    assert done.returncode == 2
    assert "nothing is published" in done.stderr


def test_unknown_source_names_the_known_ones(tmp_path: Path) -> None:
    done = qianmo(tmp_path, "land", "--date", "2026-09-28", "--source", "mainframe")
    assert done.returncode == 2
    assert "mainframe" in done.stderr
    assert "core" in done.stderr


@pytest.mark.parametrize(
    ("error", "code"), [(DataRefusedError, 1), (ConfigurationError, 2), (ToolBrokenError, 3), (QianmoError, 3)]
)
def test_each_error_has_its_exit_code(error: type[QianmoError], code: int, monkeypatch: pytest.MonkeyPatch) -> None:
    from typer.testing import CliRunner

    import qianmo.status
    from qianmo.cli import app

    def fail(_: object) -> dict[str, object]:
        raise error("what went wrong")

    monkeypatch.setattr(qianmo.status, "status", fail)
    result = CliRunner().invoke(app, ["--bank", str(PROJECT_ROOT / "banks" / "sample"), "status"])
    assert result.exit_code == code
    assert "qianmo: what went wrong" in result.output
