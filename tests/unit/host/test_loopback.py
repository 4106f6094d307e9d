"""A server on this machine is asked past any proxy, and a broken answer is an OSError."""

import socket
import threading
from collections.abc import Callable

import pytest

from helpers.host import loopback


@pytest.fixture
def server():
    """Give what answers one request on loopback with these bytes, and returns the address."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        yield lambda answer: _answer_once(listener, answer)


def test_it_asks_past_a_proxy_and_returns_a_refusal_too(server: Callable[[bytes], str], monkeypatch):
    monkeypatch.setenv("http_proxy", f"http://127.0.0.1:{loopback.free_port()}")
    monkeypatch.setenv("no_proxy", "")

    with loopback.ask(server(b"HTTP/1.1 404 Not Found\r\nContent-Length: 2\r\n\r\nno"), 5) as answer:
        assert (answer.status_code, answer.content) == (404, b"no")


@pytest.mark.parametrize(
    "broken", [b"", b"rubbish\r\n\r\n", b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nshort"]
)
def test_a_broken_answer_is_an_os_error(server: Callable[[bytes], str], broken: bytes):
    with pytest.raises(OSError), loopback.ask(server(broken), 5) as answer:  # noqa: PT011
        assert answer.content


def _answer_once(listener: socket.socket, answer: bytes) -> str:
    def run() -> None:
        client, _ = listener.accept()
        with client:
            client.recv(65536)
            client.sendall(answer)

    threading.Thread(target=run, daemon=True).start()
    return f"http://127.0.0.1:{listener.getsockname()[1]}/"
