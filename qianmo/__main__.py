"""`python -m qianmo`, for a process that wants this interpreter's installation."""

from qianmo.cli import app

app()
