"""An SFTP server as a file system, trusted by its host key."""

from typing import Any

import paramiko  # type: ignore[import-untyped]
from fsspec.implementations.sftp import SFTPFileSystem  # type: ignore[import-untyped]

from qianmo.errors import ConfigurationError
from qianmo.settings import TargetCredentials


class _KnownHost(SFTPFileSystem):  # type: ignore[misc]
    """Connects to a host whose key is in the known hosts file and to no other: fsspec's own would trust anybody."""

    cachable = False

    def _connect(self) -> None:
        options: dict[str, Any] = dict(self.ssh_kwargs)
        known_hosts = options.pop("known_hosts")
        self.client = paramiko.SSHClient()
        self.client.load_host_keys(known_hosts)
        self.client.set_missing_host_key_policy(paramiko.RejectPolicy())
        self.client.connect(self.host, **options)
        self.ftp = self.client.open_sftp()
        self.ftp.get_channel().settimeout(options["timeout"])


def sftp(host: str, port: int, credentials: TargetCredentials, timeout: float) -> SFTPFileSystem:
    """Connect; `timeout` in seconds holds for each answer.

    Raises:
        ConfigurationError: no known hosts file, user, or way to log in is set.
    """
    if not credentials.known_hosts or not credentials.user or not (credentials.password or credentials.key_file):
        raise ConfigurationError(
            "delivery.target is an SFTP server: set QIANMO_DELIVERY_USER, QIANMO_DELIVERY_PASSWORD or"
            " QIANMO_DELIVERY_KEY_FILE, and QIANMO_DELIVERY_KNOWN_HOSTS (the server's host key, as `ssh-keyscan` prints"
            " it and its operator confirms it)"
        )
    return _KnownHost(
        host,
        port=port,
        username=credentials.user,
        password=credentials.password.get_secret_value() if credentials.password else None,
        key_filename=str(credentials.key_file) if credentials.key_file else None,
        known_hosts=str(credentials.known_hosts),
        allow_agent=False,
        look_for_keys=False,
        timeout=timeout,
        banner_timeout=timeout,
        auth_timeout=timeout,
    )
