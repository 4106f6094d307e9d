"""What a client says to the vault, the second small app, to prove that it works."""

from __future__ import annotations

from helpers.container import Running
from helpers.sample import SampleError


def vault(api: Running) -> None:
    """Hash a password and verify it. Raises `SampleError` at the first wrong answer."""
    hashed = api.request("POST", "/hash", {"password": "correct horse"})
    _expect(hashed.status == 200, "POST /hash", hashed.status)
    for password, matches in (("correct horse", True), ("wrong horse", False)):
        said = api.request("POST", "/verify", {"password": password, "hash": hashed.body["hash"]})
        _expect(said.body == {"matches": matches}, "POST /verify", said.body)


def _expect(holds: bool, request: str, said: object) -> None:
    if not holds:
        raise SampleError(f"The vault answered {request} with {said}.")
