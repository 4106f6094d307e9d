"""The sample app passes its own checks, inside a build, on the Node that the lessons use."""

import pytest

from helpers import buildx
from helpers.buildx import Request
from helpers.host import workspace

pytestmark = pytest.mark.engine

CHECKS = """\
FROM node:20-alpine
WORKDIR /app
COPY package*.json ./
RUN npm ci
COPY . .
RUN npm run lint && npm run format:check && npm run typecheck
RUN npm test
"""


def test_its_lint_its_types_and_its_tests_pass(engine, tag):
    with workspace.copy() as app:
        file = app.write("dockerfiles/checks.Dockerfile", CHECKS)
        result = buildx.build(Request(file, app.path, tag), engine=engine)
    assert [step.error for step in result.steps if step.error] == []
    assert any(step.instruction == "RUN npm test" for step in result.steps)
