"""Errors a user can act on. Each carries the exit code that the `qianmo` command ends with."""


class QianmoError(Exception):
    """A failure with a message for the user; never shown as a traceback."""

    exit_code = 3


class DataRefusedError(QianmoError):
    """The data are at fault: a batch was refused or a critical expectation failed. Exit code 1."""

    exit_code = 1


class ConfigurationError(QianmoError):
    """Wrong use, a missing setting, or a faulty definition file. Exit code 2."""

    exit_code = 2


class ToolBrokenError(QianmoError):
    """A gate or a tool broke; this says nothing about the data. Exit code 3."""

    exit_code = 3
