"""The routes, and the errors that a client may see (RFC 9457)."""

from __future__ import annotations

import platform
import time
import uuid
from datetime import UTC, datetime
from typing import Any, TypeVar

from fastapi import FastAPI, HTTPException, Request, Response
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ValidationError
from pydantic_core import from_json
from starlette.exceptions import HTTPException as StarletteError

from shipments import VERSION
from shipments.model import Changes, NewShipment, Query, Shipment, can_move

BODY_LIMIT = 16 << 10
TITLES = {
    400: "Bad Request",
    404: "Not Found",
    409: "Conflict",
    413: "Payload Too Large",
    415: "Unsupported Media Type",
}

app = FastAPI(openapi_url=None, redirect_slashes=False)
Model = TypeVar("Model", bound=BaseModel)
store: dict[str, Shipment] = {}
started = time.monotonic()


class ProblemError(Exception):
    """A refused request: its status, the reason, and the fields at fault."""

    def __init__(self, status: int, detail: str, errors: list[dict[str, str]] | None = None) -> None:
        super().__init__(detail)
        self.status, self.detail, self.errors = status, detail, errors


@app.exception_handler(ProblemError)
async def send(_request: Request, problem: ProblemError) -> Response:
    """Send a problem."""
    body: dict[str, Any] = {
        "title": TITLES[problem.status],
        "status": problem.status,
        "detail": problem.detail,
    }
    if problem.errors:
        body["errors"] = problem.errors
    return JSONResponse(body, problem.status, media_type="application/problem+json")


@app.exception_handler(StarletteError)
async def no_route(request: Request, _error: HTTPException) -> Response:
    """Answer what no route takes, in the words of the contract."""
    return await send(request, ProblemError(404, f"No route for {request.method} {request.url.path}."))


@app.get("/healthz")
async def health() -> dict[str, Any]:
    """Say that the process is up."""
    return {
        "status": "ok",
        "version": VERSION,
        "uptimeSeconds": int(time.monotonic() - started),
        "python": platform.python_version(),
    }


@app.get("/shipments")
async def index(request: Request) -> dict[str, Any]:
    """List the shipments, oldest first."""
    query = _valid(Query, dict(request.query_params), "query")
    matches = [
        one
        for one in store.values()
        if query.status in (None, one.status) and query.destination in (None, one.destination)
    ]
    start = (query.page - 1) * query.pageSize
    items = matches[start : start + query.pageSize]
    return {"items": items, "page": query.page, "pageSize": query.pageSize, "total": len(matches)}


@app.post("/shipments", status_code=201)
async def create(request: Request, response: Response) -> Shipment:
    """Keep a new shipment."""
    new = _valid(NewShipment, await _body(request), "body")
    now = _now()
    shipment = Shipment(**new.model_dump(), id=str(uuid.uuid4()), createdAt=now, updatedAt=now)
    store[shipment.id] = shipment
    response.headers["Location"] = f"/shipments/{shipment.id}"
    return shipment


@app.get("/shipments/{number}")
async def show(number: str) -> Shipment:
    """Show one shipment."""
    return _find(number)


@app.patch("/shipments/{number}")
async def change(number: str, request: Request) -> Shipment:
    """Change some fields of a shipment."""
    body = await _body(request)
    shipment = _find(number)
    changes = _valid(Changes, body, "body")
    if not can_move(shipment.status, changes.status) and "status" in changes.model_fields_set:
        raise ProblemError(409, f"A shipment cannot go from {shipment.status} to {changes.status}.")
    changed = changes.model_dump(exclude_unset=True)
    store[number] = shipment.model_copy(update={**changed, "updatedAt": _now()})
    return store[number]


@app.delete("/shipments/{number}", status_code=204, response_class=Response)
async def remove(number: str) -> None:
    """Forget a shipment."""
    del store[_find(number).id]


def _find(number: str) -> Shipment:
    if number not in store:
        raise ProblemError(404, f"No shipment has the id {number}.")
    return store[number]


async def _body(request: Request) -> Any:
    """Return the JSON body of a request; None when it has none."""
    headers = request.headers
    if headers.get("content-length", "0") == "0" and "transfer-encoding" not in headers:
        return None
    if headers.get("content-type", "").partition(";")[0].strip().lower() != "application/json":
        raise ProblemError(415, "The request body must be application/json.")
    text = bytearray()
    async for chunk in request.stream():
        text += chunk
        if len(text) > BODY_LIMIT:
            raise ProblemError(413, "The request body is too large.")
    try:
        body = from_json(bytes(text), allow_inf_nan=False)
    except ValueError:
        body = None
    if not isinstance(body, dict | list):
        raise ProblemError(400, "The request body is not valid JSON.")
    return body


def _valid(model: type[Model], given: Any, what: str) -> Model:
    try:
        return model.model_validate(given)
    except ValidationError as error:
        errors = [
            {"field": str(wrong["loc"][0]) if wrong["loc"] else what, "message": wrong["msg"]}
            for wrong in error.errors()
        ]
        raise ProblemError(400, f"The request {what} is not valid.", errors) from None


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
