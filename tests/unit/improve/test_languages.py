"""Go and Python: a second stage with what runs, and a user that the base has."""

from __future__ import annotations

import pytest

from helpers.improve.rules import go, python, start
from tests.unit.improve.drafts import changed, draft, seen

GO = (
    'FROM golang:1.24\nWORKDIR /src\nCOPY . .\nRUN go build -o /src/app .\nEXPOSE 80\nCMD ["/src/app"]\n'
)
GO_FILES = ("/src/app", "/src/main.go", "/src/go.mod", "/src/templates/a.html", "/src/README.md")
MODULE = {"go.mod": "module example.com/shop/v2\n", "main.go": "package main\n"}


def of_go(folder, text, *, command=("/src/app",), **files):
    settings = seen(*GO_FILES, folder="/src", Env=(), Cmd=list(command))
    return go.compiler_stays_behind(draft(folder, MODULE | files | {"Dockerfile": text}, settings))


def test_a_go_program_leaves_its_compiler_behind_and_takes_what_lies_beside_it(tmp_path):
    assert changed(of_go(tmp_path, GO)) == [
        "FROM golang:1.24 AS build",
        "WORKDIR /src",
        "COPY . .",
        "RUN CGO_ENABLED=0 go build -o /src/app .",
        "",
        f"FROM {go.STATIC}",
        "WORKDIR /src",
        "COPY --from=build /src/app /src/app",
        "COPY --from=build /src/templates /src/templates",
        "EXPOSE 80",
        'CMD ["/src/app"]',
    ]


def test_a_go_program_that_needs_c_keeps_a_c_library(tmp_path):
    lines = changed(of_go(tmp_path, GO, **{"main.go": 'package main\nimport "C"\n'}))
    assert "FROM debian:stable-slim" in lines
    assert "RUN go build -o /src/app ." in lines


def test_a_go_program_is_named_by_its_module_and_started_without_a_shell(tmp_path):
    text = GO.replace("-o /src/app .", "").replace('["/src/app"]', "./shop")
    lines = changed(of_go(tmp_path, text, command=("/bin/sh", "-c", "./shop")))
    assert "COPY --from=build /src/shop /src/shop" in lines
    assert lines[-1] == 'CMD ["./shop"]'


@pytest.mark.parametrize(
    "text",
    [
        GO.replace("go build", "echo"),
        GO.replace("golang:1.24", "golang:1.24 AS x"),
        GO.replace("EXPOSE 80", "HEALTHCHECK CMD curl localhost"),
        GO.replace("-o /src/app .", "-o /src/app . && go build -o /src/other ./other"),
        GO.replace("-o /src/app", "-o $OUT"),
    ],
)
def test_a_go_file_that_is_not_surely_understood_stays(tmp_path, text):
    assert of_go(tmp_path, text) is None
    assert of_go(tmp_path, GO, command=("/bin/sh", "-c", "./app && ./other")) is None


PYTHON = (
    "FROM python:3.13\nWORKDIR /app\nENV A=1\nCOPY requirements.txt .\nRUN pip install -r requirements.txt\n"
    "COPY . .\n# the start\nCMD python main.py\n"
)
INSTALLED = (
    "/app/main.py",
    "/usr/local/lib/python3.13/site-packages/flask/app.py",
    "/usr/local/bin/flask",
)


def of_python(folder, text, *more, **settings):
    files = {"Dockerfile": text, "requirements.txt": "flask\n", "main.py": "print(1)\n"}
    return python.second_stage(draft(folder, files, seen(*INSTALLED, *more, Env=(), **settings)))


def test_what_pip_installs_comes_along_in_a_virtual_environment(tmp_path):
    assert changed(of_python(tmp_path, PYTHON)) == [
        "FROM python:3.13 AS build",
        "WORKDIR /app",
        "ENV A=1",
        "COPY requirements.txt .",
        "RUN python -m venv /opt/venv",
        "ENV PATH=/opt/venv/bin:$PATH",
        "RUN pip install -r requirements.txt",
        "COPY . .",
        "",
        "FROM python:3.13-slim",
        "ENV A=1",
        "ENV PATH=/opt/venv/bin:$PATH",
        "WORKDIR /app",
        "COPY --from=build /opt/venv /opt/venv",
        "COPY --from=build /app /app",
        "# the start",
        "CMD python main.py",
    ]


def test_on_a_slim_base_only_compilers_are_worth_a_second_stage(tmp_path):
    slim = PYTHON.replace("python:3.13", "python:3.13-slim")
    assert of_python(tmp_path, slim) is None
    tools = slim.replace("COPY req", "RUN apt-get update && apt-get install -y gcc\nCOPY req")
    lines = changed(of_python(tmp_path, tools))
    assert [line for line in lines if line.startswith("FROM")] == [
        "FROM python:3.13-slim AS build",
        "FROM python:3.13-slim",
    ]


@pytest.mark.parametrize(
    "text",
    [
        PYTHON.replace("pip install", "pip install --user"),
        PYTHON.replace("pip install -r requirements.txt", "pip install poetry && poetry install"),
        PYTHON.replace("COPY . .", "RUN apt-get update && apt-get install -y ffmpeg\nCOPY . ."),
        PYTHON.replace("COPY . .", "COPY . .\nRUN python manage.py collectstatic"),
        PYTHON.replace("CMD python", "CMD /usr/local/bin/python"),
        PYTHON.replace("RUN pip", "USER nobody\nRUN pip"),
        PYTHON.replace("FROM python:3.13", "FROM company.example/python:3.13"),
    ],
)
def test_a_python_file_that_is_not_surely_understood_stays(tmp_path, text):
    assert of_python(tmp_path, text) is None


def test_python_files_elsewhere_keep_the_stage(tmp_path):
    assert of_python(tmp_path, PYTHON, "/opt/tool/x") is None


@pytest.mark.parametrize(
    ("base", "source", "user"),
    [
        ("python:3.13-slim", {"main.py": "print(1)"}, "nobody"),
        ("python:3.13-slim", {"main.py": "open('a', 'w')"}, None),
        (go.STATIC, {"main.go": "package main"}, "nonroot"),
        (go.STATIC, {"main.go": 'os.Create("a")'}, None),
        ("golang:1.24", {"main.go": "package main"}, None),
    ],
)
def test_the_user_is_one_that_the_base_has(tmp_path, base, source, user):
    files = source | {"Dockerfile": f"FROM {base}\nCOPY . .\nCMD a\n"}
    change = start.other_user(draft(tmp_path, files, seen(Env=())))
    assert (changed(change)[2] if change else None) == (f"USER {user}" if user else None)
