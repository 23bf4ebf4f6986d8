"""Files that open with a password: XLSX as Office encrypts it, CSV in an AES-256 archive."""

import io

import pyzipper  # type: ignore[import-untyped]
from msoffcrypto.method.ecma376_agile import ECMA376Agile  # type: ignore[import-untyped]

_SPIN_COUNT = 10_000
"""Rounds of the password hash. They slow down guessing, which a derived password of 100 bits rules out anyway; the
usual 100,000 would cost a day of many hundred files most of its time."""


def encrypt_xlsx(content: bytes, password: str) -> bytes:
    """ECMA-376 agile encryption, AES-256 with SHA-512: Excel and WPS ask for the password."""
    encrypted: bytes = ECMA376Agile.encrypt(password, io.BytesIO(content), spin_count=_SPIN_COUNT)
    return encrypted


def encrypt_zip(name: str, content: bytes, password: str) -> bytes:
    """An archive with one member, WinZip AES-256."""
    buffer = io.BytesIO()
    with pyzipper.AESZipFile(buffer, "w", compression=pyzipper.ZIP_DEFLATED, encryption=pyzipper.WZ_AES) as archive:
        archive.setpassword(password.encode())
        archive.writestr(name, content)
    return buffer.getvalue()
