"""Which of the application's packages an image installs: what a rule finds, and what it leaves."""

from __future__ import annotations

import json

import pytest

from helpers.examine.findings import Severity
from helpers.examine.rules import size
from tests.unit.examine.projects import of_folder, of_text

WITH_DEV = {"devDependencies": {"typescript": "5"}}
COPY = "FROM node:24\nWORKDIR /app\nCOPY package*.json ./\n"
START = 'CMD ["node", "a.js"]\n'


def told(text: str, rule: str = "dev-dependencies") -> list:
    return [f for f in size.check(of_text(text)) if f.rule == rule]


def told_of(folder, text: str, files: dict, rule: str = "dev-dependencies", file=None) -> list:
    written = {name: x if isinstance(x, str) else json.dumps(x) for name, x in files.items()}
    sources = of_folder(folder, {**written, file or "Dockerfile": text}, file)
    return [f for f in size.check(sources) if f.rule == rule]


@pytest.mark.parametrize(
    "command",
    [
        *("npm ci", "npm install", "yarn", "pnpm install", "composer install", "poetry install"),
        *("uv sync", "npm ci --cache /tmp/c", "yarn install --production=false"),
    ],
)
def test_an_install_of_everything_is_found(command):
    (finding,) = told(f"FROM a\nRUN {command}\n")
    assert (finding.line, finding.severity) == (2, Severity.WARNING)


@pytest.mark.parametrize(
    "command",
    [
        *(
            "npm ci --omit=dev",
            "npm ci --omit dev",
            "npm i --only=prod",
            "pnpm install -P",
            "yarn --prod",
        ),
        *("NODE_ENV=production npm ci", "export NODE_ENV=production && npm ci", "npm ci $ARGUMENTS"),
        *("npm config set omit dev && npm ci", "npm install -g pm2", "npm ci && npm prune --omit=dev"),
        *("yarn install && yarn workspaces focus --production", "yarn --version", "npm ci --help"),
        *("uv sync --no-dev", "uv sync --no-default-groups", "UV_NO_DEV=1 uv sync"),
        *(
            "poetry install --only main",
            "composer install --no-dev",
            "COMPOSER_NO_DEV=1 composer install",
        ),
        *("npm ci && npm run build && rm -rf node_modules", "cd web && npm ci && cd .. && rm -r web"),
        'if [ "$X" = dev ]; then npm ci; else npm ci --omit=dev; fi',
    ],
)
def test_an_install_for_production_is_left(command):
    assert not told(f"FROM a\nRUN {command}\n")


@pytest.mark.parametrize(
    "setting",
    [
        *("ENV NODE_ENV=production", "ENV A=b NODE_ENV=production", "ENV NODE_ENV production"),
        *("ARG NODE_ENV=production", "ARG E=production\nENV NODE_ENV=$E", "ENV NPM_CONFIG_OMIT=dev"),
    ],
)
def test_production_may_be_set_for_every_step(setting):
    assert not told(f"FROM a\n{setting}\nRUN npm ci\n")
    assert not told(f"FROM a AS lower\n{setting}\nFROM lower\nRUN npm ci\n")


def test_a_setting_for_another_tool_does_not_count():
    assert told("FROM a\nENV UV_NO_DEV=1\nRUN npm ci\n")
    assert not told("FROM a\nENV UV_NO_DEV=1\nRUN uv sync\n")
    assert told("FROM a\nENV NODE_ENV=production\nRUN npm ci --include=dev\n")


@pytest.mark.parametrize(
    ("manifest", "findings"), [({"dependencies": {}}, 0), (WITH_DEV, 1), ("no JSON", 0)], ids=str
)
def test_the_manifest_says_whether_there_are_any(tmp_path, manifest, findings):
    text = f"{COPY}RUN npm install\n{START}"
    assert len(told_of(tmp_path, text, {"package.json": manifest})) == findings


@pytest.mark.parametrize(
    ("manifest", "findings"),
    [
        ("[dependency-groups]\ndev = ['pytest']\n", 1),
        ("[dependency-groups]\nlint = ['ruff']\n", 0),
        ("[tool.uv]\ndev-dependencies = ['pytest']\n", 1),
        ("[project]\nname = 'a'\n", 0),
    ],
)
def test_groups_that_uv_installs_by_default_count(tmp_path, manifest, findings):
    text = 'FROM a\nCOPY pyproject.toml ./\nRUN uv sync\nCMD ["a"]\n'
    assert len(told_of(tmp_path, text, {"pyproject.toml": manifest})) == findings


def test_a_manifest_that_is_mounted_is_read_too(tmp_path):
    text = f"FROM a\nRUN --mount=type=bind,source=package.json,target=package.json npm ci\n{START}"
    assert told_of(tmp_path, text, {"package.json": WITH_DEV})


@pytest.mark.parametrize(
    "file", ["compose/local/node/Dockerfile", "Dockerfile.dev", "tests/Dockerfile", "e2e.Dockerfile"]
)
def test_an_image_for_development_by_its_name_has_them_on_purpose(tmp_path, file):
    assert not told_of(tmp_path, f"{COPY}RUN npm ci\n{START}", {"package.json": WITH_DEV}, file=file)


@pytest.mark.parametrize(
    "last", ["CMD npm run dev", 'CMD ["nodemon", "a.js"]', "CMD bash", "CMD npm test"]
)
def test_an_image_that_starts_a_tool_of_development_has_them_on_purpose(last):
    assert not told(f"FROM a\nRUN npm ci\n{last}\n")
    assert not told("FROM a AS test\nRUN npm ci\n")


def test_what_the_start_script_runs_counts_as_the_start(tmp_path):
    files = {"package.json": {**WITH_DEV, "scripts": {"start": "nodemon a.js"}}}
    assert not told_of(tmp_path, f"{COPY}RUN npm ci\nCMD npm start\n", files)


def test_a_build_below_needs_them_so_the_remedy_prunes_behind_it():
    (finding,) = told("FROM a\nRUN npm ci\nRUN npm run build\n")
    assert "Line 3 may need them" in finding.remedy
    assert "npm prune --omit=dev" in finding.remedy
    assert "Add `--omit=dev`" in told("FROM a\nRUN npm ci\n")[0].remedy


def test_a_script_of_the_manifest_that_needs_one_is_named(tmp_path):
    manifest = {"devDependencies": {"husky": "9"}, "scripts": {"prepare": "husky"}}
    (finding,) = told_of(tmp_path, f"{COPY}RUN npm ci\n{START}", {"package.json": manifest})
    assert "`prepare`" in finding.remedy


def test_a_copy_of_node_modules_is_judged_by_the_stage_it_comes_from():
    text = "FROM a AS b\nRUN npm ci\nFROM a\nCOPY --from=b /app/{} /app/node_modules\n"
    assert [f.line for f in told(text.format("node_modules"))] == [4]
    assert not told(text.format("production_node_modules"))
    twice = text.format("node_modules") + "COPY --from=b /app/web/node_modules /app/web/node_modules\n"
    assert [f.line for f in told(twice)] == [4]


def test_npm_install_beside_its_lock_file_is_found(tmp_path):
    files = {"package.json": {}, "package-lock.json": {}}
    (finding,) = told_of(
        tmp_path, f"{COPY}RUN npm install --omit=dev\n{START}", files, "lock-file-not-kept"
    )
    assert finding.severity is Severity.HINT
    assert "`npm ci --omit=dev`" in finding.remedy


@pytest.mark.parametrize(
    ("copied", "command"),
    [
        ("package*.json", "npm ci"),
        ("package.json", "npm install"),
        ("package*.json", "npm install express"),
        ("package*.json", "cd web && npm install"),
        ("package*.json", "npm install --no-package-lock"),
    ],
)
def test_without_a_copied_lock_file_or_with_npm_ci_nothing_is_said(tmp_path, copied, command):
    text = f"FROM node:24\nCOPY {copied} ./\nRUN {command}\n{START}"
    files = {"package.json": {}, "package-lock.json": {}}
    assert not told_of(tmp_path, text, files, "lock-file-not-kept")


def test_another_package_json_than_the_one_at_hand_says_nothing(tmp_path):
    files = {"package.json": WITH_DEV, "server-package.json": {}, "package-lock.json": {}}
    for step in ("COPY server-package.json package.json", "RUN mv server-package.json package.json"):
        text = f"FROM node:24\nCOPY . .\n{step}\nRUN npm install\n{START}"
        assert not told_of(tmp_path, text, files)
        assert not told_of(tmp_path, text, files, "lock-file-not-kept")


def test_a_tool_that_the_start_runs_may_be_one_for_development(tmp_path):
    manifest = {"devDependencies": {"prisma": "5", "@nestjs/cli": "1"}, "scripts": {"start": "nest x"}}
    for start in ("CMD npx prisma migrate deploy && node a.js", "CMD npm start"):
        assert not told_of(tmp_path, f"{COPY}RUN npm ci\n{start}\n", {"package.json": manifest})
    assert told_of(tmp_path, f"{COPY}RUN npm ci\n{START}", {"package.json": manifest})


def test_yarn_of_a_later_release_has_another_command_for_production():
    (finding,) = told("FROM a\nRUN yarn install --immutable\nRUN yarn build\n")
    assert "`yarn workspaces focus --all --production`" in finding.remedy


def test_the_server_that_php_has_for_development_is_one():
    assert told("FROM a\nRUN composer install\nCMD php-fpm\n")
    assert not told("FROM a\nRUN composer install\nCMD php -S 0.0.0.0:80 -t public\n")
    assert not told("FROM a\nRUN composer install\nCMD php artisan serve\n")


def test_an_option_that_asks_for_them_is_to_be_replaced():
    (finding,) = told("FROM a\nRUN yarn install --production=false\n")
    assert "Write `--production` in place of `--production=false`" in finding.remedy


def test_an_entrypoint_with_the_command_as_its_arguments_starts_a_script(tmp_path):
    files = {"package.json": {**WITH_DEV, "scripts": {"start": "react-scripts --x start"}}}
    text = f'{COPY}RUN npm ci\nENTRYPOINT ["npm"]\nCMD ["start"]\n'
    assert not told_of(tmp_path, text, files)


def test_uv_run_would_install_them_at_the_start():
    (finding,) = told('FROM a\nRUN uv sync\nCMD ["uv", "run", "uvicorn", "a:b"]\n')
    assert "`ENV UV_NO_DEV=1`" in finding.remedy
