"""Measure how `docker stop` ends a container while requests arrive, for different processes 1.

A second container in the same network sends a request every tenth of a second; each request takes half a
second. This module judges nothing.
"""

from __future__ import annotations

import contextlib
import json
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from helpers.engine import ContainerError, Engine
from helpers.engine import container as containers
from helpers.host import processes

GRACE_SECONDS = 10  # `docker stop` waits this long by default before it kills
_PATIENCE = 60.0  # seconds within which the app must answer the first request

_NO_HANDLER = (
    "require('node:http').createServer((request, response) => {"
    " request.resume().on('end', () => response.end('ok')) }).listen(3000)"
)


@dataclass(frozen=True)
class Start:
    """The command that replaces the image's CMD, and whether Docker's own init is process 1."""

    command: tuple[str, ...]
    init: bool = False


STARTS: Mapping[str, Start] = {
    'CMD ["node", "dist/index.js"]': Start(("node", "dist/index.js")),
    "CMD node dist/index.js": Start(("/bin/sh", "-c", "node dist/index.js")),
    'CMD ["npm", "start"]': Start(("npm", "start")),
    "no handler for SIGTERM": Start(("node", "-e", _NO_HANDLER)),
    "no handler, docker run --init": Start(("node", "-e", _NO_HANDLER), init=True),
}

# A request is cut off when the app accepted it but did not answer. It is refused when nobody accepted
# it; a load balancer would send it to the next container. Three refusals in a row mean that the app has
# ended.
_REQUESTS = """
const http = require('node:http');
const count = { answered: 0, refused: 0, cut: 0 };
const body = JSON.stringify({ reference: 'x'.repeat(20) });
let refusedInARow = 0;
const send = () => {
  const headers = { 'content-type': 'application/json', 'content-length': body.length };
  const where = { port: 3000, method: 'POST', path: '/shipments' };
  const request = http.request({ ...where, agent: false, headers });
  request.on('response', (response) => response.resume().on('end', () => {
    count.answered += 1; refusedInARow = 0;
    if (count.answered === 1) console.log('first');
  }));
  request.on('error', (error) => {
    if (error.code === 'ECONNREFUSED') { count.refused += 1; refusedInARow += 1; } else count.cut += 1;
  });
  request.write(body.slice(0, 10));
  setTimeout(() => request.end(body.slice(10)), 500);
};
const clock = setInterval(() => {
  if (refusedInARow < 3) return send();
  clearInterval(clock);
  setTimeout(() => console.log(JSON.stringify(count)), 1000);
}, 100);
"""


@dataclass(frozen=True)
class Stop:
    """How a container stopped.

    ``first_process`` is the program that runs as process 1. ``seconds`` is how long `docker stop` took.
    ``exit_code`` is 137 when the engine had to kill it. ``answered`` counts the accepted requests that
    got an answer, ``cut`` those that did not.
    """

    first_process: str
    seconds: float
    exit_code: int
    answered: int
    cut: int


def stop(reference: str, start: Start, engine: Engine) -> Stop:
    """Run an image, send requests, stop it like `docker stop`, and return what happened.

    The image must have Node and `cat`. Raises `ContainerError` when the app answers no request.
    """
    options = {"command": list(start.command), "init": start.init}
    with contextlib.ExitStack() as stack:
        api = stack.enter_context(containers.running(reference, engine=engine, options=options))
        network = f"container:{api.container.id}"
        asking = {"entrypoint": ["node", "-e", _REQUESTS], "network_mode": network}
        client = stack.enter_context(containers.created(reference, engine=engine, options=asking))
        first = api.execute("cat", "/proc/1/comm")[1].strip()
        containers.start(client)
        if not processes.wait_for(lambda: b"first" in client.logs(), _PATIENCE):
            raise ContainerError(f"No request to {reference} was answered within {_PATIENCE:.0f} s.")
        begun = time.monotonic()
        api.container.stop(timeout=GRACE_SECONDS)
        seconds = time.monotonic() - begun
        if containers.exit_code(client, _PATIENCE) is None:
            raise ContainerError(f"The requests to {reference} had not ended after {_PATIENCE:.0f} s.")
        counted = json.loads(client.logs().splitlines()[-1])
        api.container.reload()
        code = int(api.container.attrs["State"]["ExitCode"])
        return Stop(first, seconds, code, counted["answered"], counted["cut"])


def stop_each(references: Sequence[str], engine: Engine) -> list[tuple[str, str, Stop]]:
    """Stop each image once with each of `STARTS`, all at the same time; return image, start, stop."""
    cases = [(reference, name) for reference in references for name in STARTS]
    with ThreadPoolExecutor(len(cases)) as threads:
        stops = threads.map(lambda case: stop(case[0], STARTS[case[1]], engine), cases)
        return [(*case, stopped) for case, stopped in zip(cases, stops, strict=True)]
