"""The apps in other languages pass their own tests in the images that build them."""

import pytest

from helpers import buildx
from helpers.buildx import Request
from helpers.host import workspace
from helpers.measure import apps

pytestmark = [pytest.mark.engine, pytest.mark.rare]

CHECKS = {
    "go": 'FROM golang:1.24\nWORKDIR /app\nCOPY . .\nRUN test -z "$(gofmt -l .)"\n'
    "RUN --mount=type=cache,target=/root/.cache/go-build go vet . && go test .\n",
    "python": "FROM python:3.13\nWORKDIR /app\nCOPY . .\n"
    "RUN pip install --require-hashes -r requirements.lock\nRUN python -m unittest discover tests -t .\n",
}


@pytest.mark.parametrize("language", CHECKS)
def test_its_own_tests_pass(engine, tag, language):
    with workspace.copy(apps.FOLDER / language) as app:
        (app.path / ".dockerignore").unlink()
        file = app.write("checks.Dockerfile", CHECKS[language])
        result = buildx.build(Request(file, app.path, tag), engine=engine)
    assert [step.error for step in result.steps if step.error] == []
