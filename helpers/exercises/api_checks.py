"""Send requests to the small services of the exercises, to prove that they work."""

from __future__ import annotations

import hashlib
import hmac
from typing import Any

from helpers.engine import Running
from helpers.host.workspace import FAKE_SECRET
from helpers.measure.sample import SampleError


def vault(api: Running) -> None:
    """Hash a password and verify it. Raises `SampleError` at the first wrong answer."""
    hashed = api.request("POST", "/hash", {"password": "correct horse"})
    _expect(hashed.status == 200, "POST /hash", hashed.status)
    for password, matches in (("correct horse", True), ("wrong horse", False)):
        said = api.request("POST", "/verify", {"password": password, "hash": hashed.body["hash"]})
        _expect(said.body == {"matches": matches}, "POST /verify", said.body)


def tide(api: Running) -> None:
    """Read the board, and the tides of one station. Raises `SampleError` at the first wrong answer."""
    board = api.request("GET", "/")
    _expect("<li>esbjerg</li>" in str(board.body), "GET /", board.body)
    tides = _tides(api)
    _expect(len(tides["heights"]) == 25, "GET /tides/esbjerg", tides)


def sounded(api: Running) -> None:
    """Do what `tide` does, and check that the heights contain the mean of the soundings."""
    tide(api)
    level = _tides(api)["level"]
    _expect(level is not None, "GET /tides/esbjerg", "heights that no soundings went into")


def charted(api: Running) -> None:
    """Do what `tide` does, and ask for the charts."""
    tide(api)
    said = api.request("GET", "/charts")
    _expect(said.status == 200 and "esbjerg" in said.body["charts"], "GET /charts", said.status)


def above_chart_datum(api: Running) -> None:
    """Do what `tide` does, and check that heights count from chart datum, not from mean sea level."""
    tide(api)
    datum = _tides(api)["datum"]
    _expect(datum == "LAT", "GET /tides/esbjerg", f"heights above {datum} instead of LAT")


def signed(api: Running) -> None:
    """Do what `tide` does, and check that the tides are signed with the fake key."""
    tide(api)
    said = api.request("GET", "/signature")
    _expect(said.status == 200, "GET /signature", said.status)
    ours = hmac.new(FAKE_SECRET.encode(), said.body["digest"].encode(), hashlib.sha256).hexdigest()
    _expect(said.body["signature"] == ours, "GET /signature", "the signature of another key")


def alarm(api: Running) -> None:
    """Ask the second service at which stations the water gets high."""
    said = api.request("GET", "/")
    high = said.body.get("high", ()) if isinstance(said.body, dict) else ()
    _expect("havneby" in high, "GET /", said.body)


def _tides(api: Running) -> dict[str, Any]:
    said = api.request("GET", "/tides/esbjerg")
    _expect(said.status == 200, "GET /tides/esbjerg", said.status)
    return dict(said.body)


def _expect(holds: bool, request: str, said: object) -> None:
    if not holds:
        raise SampleError(f"The service answered {request} with {said}.")
