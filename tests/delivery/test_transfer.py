"""Packages arrive whole at a folder, an SFTP server and an S3-compatible store, whatever breaks on the way."""

import asyncio
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any

import asyncssh
import pytest

from delivery import transfer
from delivery.manifest import MANIFEST, is_intact, read_manifest
from ingestion.bank import Bank
from qianmo import ledger
from qianmo.errors import ConfigurationError, ToolBrokenError
from qianmo.retention import delete_expired
from tests.delivery.conftest import DAY, Marts, handed_over, list_row, quiet

USER, PASSWORD = "delivery", "not-a-secret"
A_YEAR_LATER = DAY + timedelta(days=365)


@dataclass
class Server:
    """A loopback SFTP server on a folder; it cuts the connection once so many bytes of the next upload arrived."""

    folder: Path
    port: int = 0
    host_key: Any = None
    cut_after: int | None = None
    cuts: int = 0
    connections: list[Any] = field(default_factory=list)


def _server_parts(server: Server) -> tuple[type[asyncssh.SSHServer], Any]:
    class Login(asyncssh.SSHServer):
        def connection_made(self, conn: asyncssh.SSHServerConnection) -> None:
            server.connections.append(conn)

        def password_auth_supported(self) -> bool:
            return True

        def validate_password(self, username: str, password: str) -> bool:
            return (username, password) == (USER, PASSWORD)

    class Files(asyncssh.SFTPServer):
        def __init__(self, chan: asyncssh.SSHServerChannel[bytes]) -> None:
            super().__init__(chan, chroot=str(server.folder).encode())
            self._arrived = 0

        async def write(self, file_obj: object, offset: int, data: bytes) -> int:
            self._arrived += len(data)
            if server.cut_after is not None and self._arrived > server.cut_after:
                server.cut_after = None
                server.cuts += 1
                super().write(file_obj, offset, data[: len(data) // 2])
                self.channel.get_connection().abort()
                raise asyncssh.SFTPConnectionLost("cut")
            return super().write(file_obj, offset, data)

    return Login, Files


@pytest.fixture
def sftp(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    """The server runs in a thread; its host key is in the known hosts file."""
    server = Server(tmp_path / "remote", host_key=asyncssh.generate_private_key("ssh-ed25519"))
    server.folder.mkdir()
    login, files = _server_parts(server)
    loop = asyncio.new_event_loop()

    async def listen() -> asyncssh.SSHAcceptor:
        return await asyncssh.create_server(
            login, "127.0.0.1", 0, server_host_keys=[server.host_key], sftp_factory=files
        )

    acceptor = loop.run_until_complete(listen())
    server.port = acceptor.get_port()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    known_hosts = tmp_path / "known_hosts"
    public = server.host_key.export_public_key().decode().strip()
    known_hosts.write_text(f"[127.0.0.1]:{server.port} {public}\n")
    monkeypatch.setenv("QIANMO_DELIVERY_USER", USER)
    monkeypatch.setenv("QIANMO_DELIVERY_PASSWORD", PASSWORD)
    monkeypatch.setenv("QIANMO_DELIVERY_KNOWN_HOSTS", str(known_hosts))
    monkeypatch.setattr(transfer, "FIRST_WAIT_SECONDS", 0)
    yield server
    loop.call_soon_threadsafe(acceptor.close)
    loop.call_soon_threadsafe(loop.stop)
    thread.join(timeout=10)
    loop.close()


def files(root: Path) -> dict[str, bytes]:
    return {
        path.relative_to(root).as_posix(): sha256(path.read_bytes()).digest()
        for path in root.rglob("*")
        if path.is_file() and path.name != ".lock"
    }


def broken(_: str) -> None:
    raise OSError("no route to host")


def targets(bank: Bank) -> set[str | None]:
    return {row["target"] for row in ledger.rows(bank.home, ledger.delivery)}


def test_a_folder_gets_a_copy_of_every_package(bank: Bank, published: Marts, tmp_path: Path) -> None:
    target = tmp_path / "share"
    copied = replace(bank, delivery_target=str(target))
    published([list_row(n) for n in range(4)])
    handed_over(copied)
    assert files(target) == files(bank.home.delivery)
    assert targets(bank) == {str(target)}
    published([list_row(n) for n in (0, 1)])
    handed_over(copied)
    assert files(target) == files(bank.home.delivery), "what was replaced is replaced there too"
    delete_expired(copied, A_YEAR_LATER, quiet)
    assert files(target) == {}


def test_a_date_that_could_not_be_copied_follows_with_the_next(
    bank: Bank, published: Marts, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who is sent nothing on the third day has the second's list all the same; what was before the target stays."""
    share = tmp_path / "share"
    copied = replace(bank, delivery_target=str(share))
    before, second, third = (DAY + timedelta(days=number) for number in (-1, 1, 2))
    rows = [list_row(3, listed_date=before)]
    published(rows, before)
    handed_over(bank, before)
    published([*rows, list_row(0)])
    handed_over(copied)
    rows += [list_row(0, listed_date=DAY)]
    published([*rows, list_row(2)], second)
    with monkeypatch.context() as patch:
        patch.setattr(transfer, "FIRST_WAIT_SECONDS", 0)
        patch.setattr(transfer, "_connect", broken)
        with pytest.raises(ToolBrokenError, match="could not be copied"):
            handed_over(copied, second)
    published([*rows, list_row(2, listed_date=second), list_row(1)], third)
    handed_over(copied, third)
    placed = files(bank.home.delivery)
    assert files(share) == {name: digest for name, digest in placed.items() if not name.startswith(f"{before}")}
    assert {name[:10] for name in files(share)} == {f"{day}" for day in (DAY, second, third)}


def test_a_server_that_breaks_off_has_whole_packages_in_the_end(bank: Bank, published: Marts, sftp: Server) -> None:
    (sftp.folder / "lists").mkdir()
    remote = replace(bank, delivery_target=f"sftp://127.0.0.1:{sftp.port}/lists")
    published([list_row(n) for n in range(4)])
    sftp.cut_after = 30_000  # in the midst of a file
    handed_over(remote)
    assert sftp.cuts == 1
    assert len(sftp.connections) == 2
    assert files(sftp.folder / "lists") == files(bank.home.delivery)
    for path in (sftp.folder / "lists").rglob(MANIFEST):
        manifest = read_manifest(path.parent)
        assert manifest is not None
        assert is_intact(path.parent, manifest)
    assert targets(bank) == {remote.delivery_target}
    handed_over(remote)
    assert len(sftp.connections) == 2, "what is there is not sent again"


def test_copies_are_deleted_with_their_packages(
    bank: Bank, published: Marts, sftp: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Out of reach the target holds up nothing at home; a former one is told; the next run reaches it."""
    remote = replace(bank, delivery_target=f"sftp://127.0.0.1:{sftp.port}/")
    published([list_row(n) for n in range(2)])
    handed_over(remote)
    copied = files(sftp.folder)
    assert copied == files(bank.home.delivery)
    with monkeypatch.context() as patch:
        patch.setattr(transfer, "_connect", broken)
        with pytest.raises(ToolBrokenError, match="could not be deleted at sftp://"):
            delete_expired(remote, A_YEAR_LATER, quiet)
    assert files(bank.home.delivery) == {}
    told: list[str] = []
    assert delete_expired(bank, A_YEAR_LATER, told.append) == 0
    assert {line.partition(" is left at ")[0] for line in told} == {name.rpartition("/")[0] for name in copied}
    assert files(sftp.folder) == copied
    assert delete_expired(remote, A_YEAR_LATER, quiet) == len(told)
    assert files(sftp.folder) == {}
    assert all(row["deleted_at"] and len(row["sha256"]) == 64 for row in ledger.rows(bank.home, ledger.deletion))


def test_another_host_key_is_not_trusted(bank: Bank, published: Marts, sftp: Server, tmp_path: Path) -> None:
    other = asyncssh.generate_private_key("ssh-ed25519").export_public_key().decode().strip()
    (tmp_path / "known_hosts").write_text(f"[127.0.0.1]:{sftp.port} {other}\n")
    published([list_row(0)])
    with pytest.raises(ToolBrokenError, match="could not be copied"):
        handed_over(replace(bank, delivery_target=f"sftp://127.0.0.1:{sftp.port}/"))
    assert files(sftp.folder) == {}
    assert targets(bank) == {None}


def test_credentials_do_not_belong_into_the_address(bank: Bank, published: Marts) -> None:
    published([list_row(0)])
    with pytest.raises(ConfigurationError, match="QIANMO_DELIVERY_PASSWORD") as refused:
        handed_over(replace(bank, delivery_target="sftp://me:geheim@127.0.0.1/"))
    assert "geheim" not in str(refused.value)


def test_an_object_store_gets_every_package(
    bank: Bank, published: Marts, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    import s3fs
    from moto.server import ThreadedMotoServer

    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    try:
        host, port = server.get_host_and_port()
        address = f"http://{host}:{port}"
        monkeypatch.setenv("QIANMO_DELIVERY_USER", USER)
        monkeypatch.setenv("QIANMO_DELIVERY_PASSWORD", PASSWORD)
        monkeypatch.setenv("QIANMO_DELIVERY_ENDPOINT_URL", address)
        store = s3fs.S3FileSystem(key=USER, secret=PASSWORD, endpoint_url=address, skip_instance_cache=True)
        store.mkdir("lists")
        published([list_row(n) for n in range(2)])
        stored = replace(bank, delivery_target="s3://lists/county")
        handed_over(stored)
        store.get("lists/county/", str(tmp_path / "got"), recursive=True)
        assert files(tmp_path / "got") == files(bank.home.delivery)
        assert targets(bank) == {"s3://lists/county"}
        delete_expired(stored, A_YEAR_LATER, quiet)
        assert store.find("lists") == []
    finally:
        server.stop()
