"""What is asked of a program on another machine, by HTTPS, as pcsd is asked."""

from __future__ import annotations

import shutil
import ssl
import subprocess
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from pcs_wrapper.machine.network import Request, Response, ask


class _Pcsd(BaseHTTPRequestHandler):
    """Says what it was asked, and refuses whoever has another token."""

    def do_POST(self) -> None:
        """Answer."""
        body = self.rfile.read(int(self.headers["Content-Length"] or 0)).decode()
        known = self.headers["Cookie"] == "token=secret"
        self.send_response(200 if known else 401)
        self.end_headers()
        self.wfile.write(f"{self.command} {self.path} {body}".encode())

    def do_GET(self) -> None:
        """Answer, too."""
        self.do_POST()

    def log_message(self, *_words: object) -> None:
        """Say nothing."""


@pytest.fixture
def port(tmp_path: Path) -> Iterator[int]:
    """Return the port on which a program answers, with a certificate of its own."""
    if shutil.which("openssl") is None:
        pytest.skip("there is no openssl to make a certificate")
    words = "req -x509 -newkey rsa:2048 -nodes -days 1 -subj /CN=node4 -keyout key -out cert"
    subprocess.run(["openssl", *words.split()], cwd=tmp_path, check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "cert", tmp_path / "key")
    with HTTPServer(("127.0.0.1", 0), _Pcsd) as server:
        server.socket = context.wrap_socket(server.socket, server_side=True)
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server.server_port
        server.shutdown()
        thread.join()


def test_who_has_the_token_is_answered(port: int) -> None:
    """Whatever certificate the other one has made itself."""
    asked = Request("127.0.0.1", port, "/remote/check_host", "secret")
    assert ask(asked) == Response(200, "GET /remote/check_host ")
    assert "secret" not in f"{asked}"
    told = Request("127.0.0.1", port, "/api/v1/x/v1", "secret", "{}")
    assert ask(told) == Response(200, "POST /api/v1/x/v1 {}")


def test_who_has_another_one_is_not(port: int) -> None:
    """That is an answer, too."""
    assert ask(Request("127.0.0.1", port, "/", "guess")).status == 401


def test_where_nobody_answers() -> None:
    """An error of the system's, whatever is wrong."""
    with pytest.raises(OSError, match="refused"):
        ask(Request("127.0.0.1", 9, "/", "secret", timeout=1.0))
