"""The certificates that servers are checked by."""

from __future__ import annotations

import ssl

import pytest

from minikit.calls.transport import server_certificates


def test_certificates_are_read_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """All clients of a process share them; where others are asked for, those are read."""
    usual = server_certificates()
    assert isinstance(usual, ssl.SSLContext)
    assert usual.verify_mode is ssl.CERT_REQUIRED
    assert usual.check_hostname
    assert server_certificates() is usual
    monkeypatch.setenv("SSL_CERT_FILE", ssl.get_default_verify_paths().openssl_cafile + ".none")
    with pytest.raises(OSError, match="No such file"):
        server_certificates()
    monkeypatch.undo()
    assert server_certificates() is usual
