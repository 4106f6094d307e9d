"""Each rule changes a file that it is for, and leaves one that it is not for."""

from __future__ import annotations

import subprocess
from dataclasses import replace

import pytest

from helpers.improve.rules import bases, context, install, layers, stages, start
from tests.unit.improve.drafts import LOCK, PACKAGE, changed, draft, seen

NAIVE = "FROM node:20\nWORKDIR /app\n# all of it\nCOPY . .\nRUN npm install\nRUN npm run build\nCMD node dist/index.js\n"
PROJECT = {"Dockerfile": NAIVE, "package.json": PACKAGE, "package-lock.json": LOCK, "src/index.ts": "1"}


def test_an_ignore_file_keeps_out_the_history_and_the_hosts_packages(tmp_path):
    change = context.ignore(draft(tmp_path, PROJECT | {"node_modules/a/x.js": "1", ".git/HEAD": "x"}))
    assert {"node_modules", ".git"} <= set(change.draft.ignore.splitlines())
    assert not any(e.path.startswith(("node_modules/", ".git/")) for e in change.draft.survey.sent)


def test_an_ignore_file_that_says_so_already_stays(tmp_path):
    files = PROJECT | {".dockerignore": ".git\nnode_modules\n", "node_modules/a/x.js": "1"}
    assert context.ignore(draft(tmp_path, files)) is None


def test_a_build_that_copies_no_folder_needs_no_ignore_file(tmp_path):
    files = {"Dockerfile": "FROM node:20\nCOPY a.js /\n", "a.js": "", "node_modules/a/x.js": "1"}
    assert context.ignore(draft(tmp_path, files)) is None


def test_a_folder_that_a_copy_names_is_not_ignored(tmp_path):
    text = NAIVE.replace("COPY . .", "COPY . .\nCOPY build/ ./build/")
    change = context.ignore(draft(tmp_path, PROJECT | {"Dockerfile": text, "build/x.js": "1"}))
    assert "build" not in change.draft.ignore.splitlines()


def test_the_history_stays_where_the_build_asks_git(tmp_path):
    text = NAIVE.replace("RUN npm run build", "RUN git describe > version && npm run build")
    change = context.ignore(draft(tmp_path, PROJECT | {"Dockerfile": text, ".git/HEAD": "x"}))
    assert ".git" not in change.draft.ignore.splitlines()


def test_secrets_are_ignored_by_a_change_of_their_own(tmp_path):
    found = draft(
        tmp_path,
        PROJECT | {".env": "API_TOKEN=ghp_4f9a8b7c6d5e4f3a2b1c0d9e\n", ".env.example": "API_TOKEN=\n"},
    )
    assert context.ignore_secrets(found) is None  # no git says what others have
    subprocess.run(["git", "init", "-q", str(tmp_path)], check=True)
    subprocess.run(["git", "-C", str(tmp_path), "add", "Dockerfile"], check=True)
    change = context.ignore_secrets(found)
    assert change.draft.ignore == ".env\n"
    assert change.takes_away
    assert context.ignore_secrets(change.draft) is None


@pytest.mark.parametrize(("name", "goes"), [(".env.local", True), (".env.production", False)])
def test_without_git_only_a_developers_own_settings_are_ignored(tmp_path, name, goes):
    change = context.ignore_secrets(
        draft(tmp_path, PROJECT | {name: "API_TOKEN=ghp_4f9a8b7c6d5e4f3a2b1c0d9e\n"})
    )
    assert (change is not None) is goes


def test_the_install_moves_above_the_sources(tmp_path):
    assert changed(install.before_sources(draft(tmp_path, PROJECT))) == [
        "FROM node:20",
        "WORKDIR /app",
        "# all of it",
        "COPY package.json package-lock.json ./",
        "RUN npm install",
        "COPY . .",
        "RUN npm run build",
        "CMD node dist/index.js",
    ]


def test_an_install_and_a_build_in_one_step_are_parted(tmp_path):
    text = "FROM node:20\nWORKDIR /app\nCOPY --chown=node . /app\nRUN npm ci && npm run build\n"
    assert changed(install.before_sources(draft(tmp_path, PROJECT | {"Dockerfile": text})))[2:] == [
        "COPY --chown=node package.json package-lock.json /app/",
        "RUN npm ci",
        "COPY --chown=node . /app",
        "RUN npm run build",
    ]


@pytest.mark.parametrize(
    "package",
    [
        '{"scripts": {"postinstall": "node tools/make.js"}}',
        '{"workspaces": ["packages/*"]}',
        '{"dependencies": {"mine": "file:./mine"}}',
        '{"dependencies": {"@prisma/client": "5"}}',
    ],
)
def test_an_install_that_may_need_the_sources_stays(tmp_path, package):
    assert install.before_sources(draft(tmp_path, PROJECT | {"package.json": package})) is None


def test_an_install_that_stands_above_already_stays(tmp_path):
    text = "FROM node:20\nCOPY package*.json ./\nRUN npm ci\nCOPY . .\nRUN npm run build\n"
    assert install.before_sources(draft(tmp_path, PROJECT | {"Dockerfile": text})) is None


def test_requirements_are_installed_above_the_sources(tmp_path):
    text = "FROM python:3.12\nWORKDIR /app\nCOPY . .\nRUN pip install -r requirements.txt\nCMD python a.py\n"
    files = {"Dockerfile": text, "requirements.txt": "flask\n", "a.py": ""}
    assert changed(install.before_sources(draft(tmp_path, files)))[2] == "COPY requirements.txt ./"
    files["requirements.txt"] = "-e .\n"
    assert install.before_sources(draft(tmp_path, files)) is None


def test_npm_install_becomes_npm_ci_where_the_lock_file_is_copied(tmp_path):
    text = (
        "FROM node:20\nCOPY package*.json ./\nRUN npm i --legacy-peer-deps && npm cache clean --force\n"
    )
    change = install.from_lock_file(draft(tmp_path, PROJECT | {"Dockerfile": text}))
    assert changed(change)[2] == "RUN npm ci --legacy-peer-deps && npm cache clean --force"


@pytest.mark.parametrize(
    "steps",
    [
        "COPY package.json ./\nRUN npm install",
        "COPY . .\nRUN npm install -g pm2",
        "COPY . .\nRUN npm install express",
        "COPY . .\nRUN npm ci && npm i -g pm2",
    ],
)
def test_other_calls_of_npm_stay(tmp_path, steps):
    text = f"FROM node:20\n{steps}\n"
    assert install.from_lock_file(draft(tmp_path, PROJECT | {"Dockerfile": text})) is None


def test_npm_install_without_a_lock_file_stays(tmp_path):
    assert (
        install.from_lock_file(draft(tmp_path, {"Dockerfile": NAIVE, "package.json": PACKAGE})) is None
    )


def test_a_cache_mount_is_for_the_user_that_fetches(tmp_path):
    text = "FROM node:20\nCOPY . .\nRUN npm ci && \\\n    npm run build\n"
    change = install.cache_mounts(draft(tmp_path, PROJECT | {"Dockerfile": text}))
    assert changed(change)[2:] == [
        "RUN --mount=type=cache,target=/root/.npm npm ci && \\",
        "    npm run build",
    ]
    text = "FROM node:20\nUSER node\nCOPY . .\nRUN npm ci\n"
    change = install.cache_mounts(draft(tmp_path, PROJECT | {"Dockerfile": text}))
    assert changed(change)[3] == "RUN --mount=type=cache,target=/home/node/.npm,uid=1000,gid=1000 npm ci"


@pytest.mark.parametrize(
    "steps",
    [
        "RUN npm run build",
        "RUN npm ci --cache /tmp/x",
        "USER app\nRUN npm ci",
        "RUN --mount=type=cache,target=/root/.npm npm ci",
        "ENV npm_config_cache=/x\nRUN npm ci",
        "RUN pip install --no-cache-dir -r requirements.txt",
    ],
)
def test_no_cache_mount_where_none_surely_fits(tmp_path, steps):
    text = f"FROM node:20\nCOPY . .\n{steps}\n"
    assert install.cache_mounts(draft(tmp_path, PROJECT | {"Dockerfile": text})) is None


BUILT = (
    "/app/",
    "/app/package.json",
    "/app/package-lock.json",
    "/app/node_modules/",
    "/app/node_modules/a/x.js",
)
BUILT += ("/app/dist/", "/app/dist/index.js", "/app/src/", "/app/src/index.ts", "/app/tsconfig.json")


def test_a_second_stage_takes_over_what_runs(tmp_path):
    text = "FROM node:20\nWORKDIR /app\nENV PORT=80\nCOPY . .\nRUN npm ci\nRUN npm run build\n# the port\nEXPOSE 80\nCMD npm start\n"
    found = draft(tmp_path, PROJECT | {"Dockerfile": text}, seen(*BUILT))
    assert changed(stages.second_stage(found)) == [
        "FROM node:20 AS build",
        "WORKDIR /app",
        "ENV PORT=80",
        "COPY . .",
        "RUN npm ci",
        "RUN npm run build",
        "RUN npm prune --omit=dev",
        "",
        "FROM node:20",
        "ENV PORT=80",
        "WORKDIR /app",
        "COPY --from=build /app/package.json ./",
        "COPY --from=build /app/node_modules ./node_modules",
        "COPY --from=build /app/dist ./dist",
        "# the port",
        "EXPOSE 80",
        "CMD npm start",
    ]


def test_what_is_not_recognised_is_taken_over(tmp_path):
    found = draft(
        tmp_path, PROJECT, seen(*BUILT, "/app/views/", "/app/views/a.hbs", "/app/src/schema.sql")
    )
    lines = changed(stages.second_stage(found))
    assert "COPY --from=build /app/views ./views" in lines
    assert "COPY --from=build /app/src ./src" in lines


def test_packages_of_the_system_are_in_both_stages(tmp_path):
    text = "FROM node:20\nWORKDIR /app\nRUN apt-get update && apt-get install -y ffmpeg\nCOPY . .\nRUN npm ci\nCMD node dist/index.js\n"
    found = draft(tmp_path, PROJECT | {"Dockerfile": text}, seen(*BUILT))
    lines = changed(stages.second_stage(found))
    assert lines[:5] == [
        "FROM node:20 AS base",
        "WORKDIR /app",
        "RUN apt-get update && apt-get install -y ffmpeg",
        "",
        "FROM base AS build",
    ]
    assert "FROM base" in lines


def test_tools_that_only_compile_packages_stay_behind(tmp_path):
    text = "FROM node:20\nWORKDIR /app\nRUN apt-get update && apt-get install -y python3 make g++\nCOPY . .\nRUN npm ci\nCMD node dist/index.js\n"
    found = draft(tmp_path, PROJECT | {"Dockerfile": text}, seen(*BUILT))
    assert "FROM base" not in changed(stages.second_stage(found))


def test_the_owner_of_the_files_stays(tmp_path):
    owned = [f"{path}:1000" for path in BUILT]
    text = "FROM node:20\nWORKDIR /app\nCOPY --chown=node . .\nRUN npm ci\nUSER node\nCMD node dist/index.js\n"
    lines = changed(stages.second_stage(draft(tmp_path, PROJECT | {"Dockerfile": text}, seen(*owned))))
    assert "COPY --from=build --chown=1000:1000 /app/dist /app/dist" in lines
    assert lines[-2:] == ["USER node", "CMD node dist/index.js"]


def test_a_file_without_a_lock_file_or_in_stages_gets_no_second_stage(tmp_path):
    text = f"FROM node:20 AS a\nFROM a\n{NAIVE.partition(chr(10))[2]}"
    assert stages.second_stage(draft(tmp_path, PROJECT | {"Dockerfile": text}, seen(*BUILT))) is None
    many = [f"/opt/tool/{n}" for n in range(9)]
    assert stages.second_stage(draft(tmp_path, PROJECT, seen(*BUILT, *many))) is None


def test_development_dependencies_go_or_stay_each_in_a_change(tmp_path):
    found = draft(tmp_path, PROJECT, seen(*BUILT))
    assert "RUN npm prune --omit=dev" in changed(stages.second_stage(found))
    assert "prune" not in "".join(changed(stages.second_stage_with_all(found)))
    none = draft(tmp_path, PROJECT | {"package.json": "{}"}, seen(*BUILT))
    assert "prune" not in "".join(changed(stages.second_stage(none)))
    assert stages.second_stage_with_all(none) is None


def test_the_whole_folder_is_taken_over_by_a_change_of_its_own(tmp_path):
    found = draft(tmp_path, PROJECT, seen(*BUILT))
    assert "COPY --from=build /app /app" in changed(stages.second_stage_with_folder(found))
    bare = draft(
        tmp_path, PROJECT | {"package.json": "{}"}, seen("/app/package.json", "/app/dist/index.js")
    )
    assert "COPY --from=build /app /app" in changed(stages.second_stage(bare))
    assert stages.second_stage_with_folder(bare) is None


@pytest.mark.parametrize("proposer", [bases.slim, bases.alpine])
def test_an_app_that_calls_programs_of_the_full_image_keeps_it(tmp_path, proposer):
    files = {
        "Dockerfile": "FROM node:20\nRUN npm ci\n",
        "a.js": "require('child_process').exec('git log')",
    }
    assert proposer(draft(tmp_path, files)) is None
    files["a.js"] = "require('child_process').exec('node worker.js')"
    assert proposer(draft(tmp_path, files)) is not None


def test_packages_that_fetch_programs_for_glibc_keep_it(tmp_path):
    files = {
        "Dockerfile": "FROM node:20-slim\n",
        "package.json": '{"dependencies": {"puppeteer": "22"}}',
    }
    assert bases.alpine(draft(tmp_path, files)) is None


def test_a_port_for_root_keeps_the_user(tmp_path):
    assert (
        start.other_user(draft(tmp_path, PROJECT, replace(seen(*BUILT), ports=frozenset({80})))) is None
    )


def test_an_install_stays_where_the_hosts_packages_would_come_after_it(tmp_path):
    assert install.before_sources(draft(tmp_path, PROJECT | {"node_modules/a/x.js": ""})) is None


@pytest.mark.parametrize(
    ("base", "slim", "alpine"),
    [
        ("node:20", "node:20-slim", "node:20-alpine"),
        ("node", "node:slim", "node:alpine"),
        ("node:20-bookworm", "node:20-bookworm-slim", "node:20-alpine"),
        ("node:20.18.0-slim", None, "node:20.18.0-alpine"),
        ("python:3.12", "python:3.12-slim", "python:3.12-alpine"),
        ("node:20-alpine", None, None),
        ("node:20@sha256:" + "a" * 64, None, None),
        ("company.example/node:20", None, None),
    ],
)
def test_a_smaller_base_of_the_same_runtime(tmp_path, base, slim, alpine):
    found = draft(tmp_path, {"Dockerfile": f"FROM {base} AS x  \nRUN npm ci\n"})
    for proposer, name in ((bases.slim, slim), (bases.alpine, alpine)):
        change = proposer(found)
        assert (changed(change)[0] if change else None) == (f"FROM {name} AS x  " if name else None)


def test_a_version_in_an_argument_keeps_its_place(tmp_path):
    found = draft(tmp_path, {"Dockerfile": "ARG V=20\nFROM --platform=linux/amd64 node:${V}-slim\n"})
    assert changed(bases.alpine(found))[1] == "FROM --platform=linux/amd64 node:${V}-alpine"
    found = draft(tmp_path, {"Dockerfile": "ARG V=20-slim\nFROM node:${V}\n"})
    assert bases.alpine(found) is None


def test_alpine_is_for_all_stages_of_the_runtime_and_not_where_debian_is_named(tmp_path):
    text = "FROM node:20 AS build\nRUN npm ci\nFROM node:20-slim\nCOPY --from=build /a /a\n"
    lines = changed(bases.alpine(draft(tmp_path, {"Dockerfile": text})))
    assert [line for line in lines if line.startswith("FROM")] == [
        "FROM node:20-alpine AS build",
        "FROM node:20-alpine",
    ]
    text = text.replace("npm ci", "apt-get install -y git")
    assert bases.alpine(draft(tmp_path, {"Dockerfile": text})) is None


def test_a_line_past_its_end_of_life_becomes_the_next_one(tmp_path):
    text = "FROM node:16 AS build\nFROM node:16-slim\nCOPY --from=build /a /a\n"
    lines = changed(bases.supported(draft(tmp_path, {"Dockerfile": text})))
    assert lines[0].startswith("FROM node:2")
    assert lines[1].endswith("-slim")
    pinned = {"Dockerfile": text, "package.json": '{"engines": {"node": "16.x"}}'}
    assert bases.supported(draft(tmp_path, pinned)) is None


def test_the_lists_of_apt_go_in_the_step_that_fetched_them(tmp_path):
    text = "FROM debian:12\nRUN apt-get update \\\n && apt-get install -y curl\n"
    assert changed(layers.lists_removed(draft(tmp_path, {"Dockerfile": text})))[2:] == [
        " && apt-get install -y curl \\",
        " && rm -rf /var/lib/apt/lists/*",
    ]
    clean = {"Dockerfile": f"{text.rstrip()} && rm -rf /var/lib/apt/lists/*\n"}
    assert layers.lists_removed(draft(tmp_path, clean)) is None


def test_apk_and_pip_leave_no_cache(tmp_path):
    text = "FROM a\nRUN apk add curl\nRUN pip3 install flask\n"
    assert changed(layers.no_cache_kept(draft(tmp_path, {"Dockerfile": text})))[1:] == [
        "RUN apk add --no-cache curl",
        "RUN pip3 install --no-cache-dir flask",
    ]
    text = "FROM a\nRUN apk add --no-cache curl\nRUN pip install --no-cache-dir flask\n"
    assert layers.no_cache_kept(draft(tmp_path, {"Dockerfile": text})) is None


def test_the_owner_is_set_by_the_copy(tmp_path):
    text = "FROM node:20\nWORKDIR /app\nCOPY . .\nRUN chown -R node:node /app\nUSER node\n"
    assert changed(layers.chown_in_copy(draft(tmp_path, {"Dockerfile": text})))[2:4] == [
        "COPY --chown=node:node . .",
        "RUN chown node:node /app",
    ]
    text = text.replace("RUN chown", "RUN npm ci\nRUN chown")
    assert layers.chown_in_copy(draft(tmp_path, {"Dockerfile": text})) is None


def test_an_argument_that_differs_in_each_build_moves_down_to_its_use(tmp_path):
    text = "FROM a\nARG GIT_SHA=x\nRUN npm ci\nLABEL rev=$GIT_SHA\n"
    assert changed(layers.late_arguments(draft(tmp_path, {"Dockerfile": text})))[1:] == [
        "RUN npm ci",
        "ARG GIT_SHA=x",
        "LABEL rev=$GIT_SHA",
    ]
    used = {"Dockerfile": "FROM a\nARG GIT_SHA=x\nRUN echo $GIT_SHA\n"}
    assert layers.late_arguments(draft(tmp_path, used)) is None


def test_another_user_runs_what_writes_no_file(tmp_path):
    found = draft(tmp_path, PROJECT, seen(*BUILT))
    assert changed(start.other_user(found))[-2:] == ["USER node", "CMD node dist/index.js"]
    writing = PROJECT | {"src/save.ts": "fs.writeFileSync('/app/data', 'x')"}
    assert start.other_user(draft(tmp_path, writing, seen(*BUILT))) is None
    assert start.other_user(draft(tmp_path, PROJECT, seen(*BUILT, user="node"))) is None


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("CMD node dist/index.js", 'CMD ["node", "dist/index.js"]'),
        ("CMD npm start", 'CMD ["node", "dist/index.js"]'),
        ('CMD ["npm", "start"]', 'CMD ["node", "dist/index.js"]'),
        ("CMD npm run other", None),
        ("CMD ./run.sh a", 'CMD ["./run.sh", "a"]'),
        ("ENTRYPOINT ./run.sh", 'ENTRYPOINT ["./run.sh"]'),
        ('CMD ["node", "dist/index.js"]', None),
        ("CMD node $FILE", None),
        ("CMD npm run migrate && npm start", None),
        ("CMD PORT=1 node a.js", None),
    ],
)
def test_the_start_needs_no_shell(tmp_path, before, after):
    change = start.exec_form(draft(tmp_path, PROJECT | {"Dockerfile": f"FROM node:20\n{before}\n"}))
    assert (changed(change)[1] if change else None) == after


def test_a_program_that_reads_what_npm_sets_keeps_npm(tmp_path):
    files = PROJECT | {"src/v.ts": "process.env.npm_package_version"}
    change = start.exec_form(draft(tmp_path, files | {"Dockerfile": "FROM node:20\nCMD npm start\n"}))
    assert change is None


def test_a_user_of_the_build_is_the_user_of_both_stages(tmp_path):
    owned = [f"{path}:1000" for path in BUILT]
    text = (
        "FROM node:20\nRUN mkdir /app && chown node /app\nWORKDIR /app\nCOPY package.json ./\nUSER node\n"
        "RUN npm install --legacy-peer-deps\nCOPY --chown=node . .\nCMD node dist/index.js\n"
    )
    found = draft(tmp_path, PROJECT | {"Dockerfile": text}, seen(*owned, user="node"))
    lines = changed(stages.second_stage(found))
    install = lines.index("RUN npm install --legacy-peer-deps")
    assert lines[install + 1] == "RUN npm prune --omit=dev --legacy-peer-deps"  # no edit runs it again
    assert lines.count("USER node") == 2
    assert lines[lines.index("FROM base") :][-2:] == ["USER node", "CMD node dist/index.js"]


def test_where_the_build_needs_the_full_base_the_second_stage_begins_on_the_slim_one(tmp_path):
    lines = changed(stages.second_stage_slim(draft(tmp_path, PROJECT, seen(*BUILT))))
    assert [line for line in lines if line.startswith("FROM")] == [
        "FROM node:20 AS build",
        "FROM node:20-slim",
    ]
    slim = PROJECT | {"Dockerfile": NAIVE.replace("node:20", "node:20-slim")}
    assert stages.second_stage_slim(draft(tmp_path, slim, seen(*BUILT))) is None


def test_sources_stay_behind_only_where_they_were_compiled(tmp_path):
    found = draft(
        tmp_path, PROJECT, seen(*BUILT[:5], "/app/lib/", "/app/lib/a.ts", "/app/tsconfig.json")
    )
    assert "COPY --from=build /app/lib ./lib" in changed(stages.second_stage(found))


def test_the_only_stage_keeps_its_name(tmp_path):
    text = NAIVE.replace("FROM node:20", "FROM --platform=linux/amd64 node:20 AS Maker")
    lines = changed(stages.second_stage(draft(tmp_path, PROJECT | {"Dockerfile": text}, seen(*BUILT))))
    assert lines[0] == "FROM --platform=linux/amd64 node:20 AS Maker"
    assert "FROM --platform=linux/amd64 node:20" in lines
    assert "COPY --from=maker /app/dist ./dist" in lines


@pytest.mark.parametrize(
    "asks", ["curl -f http://localhost:80/up || exit 1", "wget -q --spider http://localhost:80/up"]
)
def test_node_asks_for_the_health_where_curl_would_keep_the_full_base(tmp_path, asks):
    text = f"FROM node:20\nHEALTHCHECK --interval=5s CMD {asks}\nCMD a\n"
    change = start.health_by_node(draft(tmp_path, {"Dockerfile": text}, seen()))
    line = changed(change)[1]
    assert line.startswith(
        'HEALTHCHECK --interval=5s CMD ["node", "-e", "fetch(\'http://localhost:80/up\')'
    )
    other = text.replace("/up", "/up | grep ok")
    assert start.health_by_node(draft(tmp_path, {"Dockerfile": other}, seen())) is None
    slim = text.replace("node:20", "node:20-slim")
    assert start.health_by_node(draft(tmp_path, {"Dockerfile": slim}, seen())) is None


IN_STAGES = (
    "FROM node:20 AS build\nWORKDIR /app\nCOPY package*.json ./\nRUN npm ci\nCOPY . .\nRUN npm run build\n"
    "FROM node:20-slim\nWORKDIR /app\nCOPY --from=build /app/dist dist\n"
    "COPY --from=build /app/node_modules node_modules\nCMD node dist/index.js\n"
)


def test_packages_are_pruned_before_a_later_stage_copies_them(tmp_path):
    found = draft(tmp_path, PROJECT | {"Dockerfile": IN_STAGES}, seen(*BUILT))
    lines = changed(stages.prune_before_copy(found))
    assert lines[5:8] == ["RUN npm run build", "RUN npm prune --omit=dev", "FROM node:20-slim"]
    none = draft(tmp_path, PROJECT | {"Dockerfile": IN_STAGES, "package.json": "{}"}, seen(*BUILT))
    assert stages.prune_before_copy(none) is None


def test_packages_that_another_stage_builds_with_are_not_pruned(tmp_path):
    parted = IN_STAGES.replace("COPY . .\n", "FROM build AS made\nCOPY . .\n")
    text = parted.replace("--from=build /app/dist", "--from=made /app/dist")
    found = draft(tmp_path, PROJECT | {"Dockerfile": text}, seen(*BUILT))
    assert stages.prune_before_copy(found) is None
    all_of_it = text.replace("--from=build /app/node_modules node_modules", "--from=made /app .")
    found = draft(tmp_path, PROJECT | {"Dockerfile": all_of_it}, seen(*BUILT))
    lines = changed(stages.prune_before_copy(found))
    assert lines[lines.index("RUN npm run build") + 1] == "RUN npm prune --omit=dev"


@pytest.mark.parametrize(
    ("install", "after"),
    [
        ("npm ci", "npm ci --omit=dev"),
        ("npm install --legacy-peer-deps", "npm install --omit=dev --legacy-peer-deps"),
        ("yarn", "yarn install --production"),
        ("yarn install --frozen-lockfile", "yarn install --production --frozen-lockfile"),
        ("corepack enable && pnpm i", "corepack enable && pnpm i --prod"),
        ("npm ci && npm run build", None),
        ("npm ci --omit=dev", None),
        ("npm install -g pm2", None),
    ],
)
def test_a_last_stage_that_builds_nothing_installs_for_production(tmp_path, install, after):
    text = f"FROM node:20\nWORKDIR /app\nCOPY package.json ./\nRUN {install}\nCOPY . .\nCMD node a.js\n"
    change = stages.production_install(draft(tmp_path, PROJECT | {"Dockerfile": text}, seen(*BUILT)))
    assert (changed(change)[3].rstrip() if change else None) == (f"RUN {after}" if after else None)


def test_a_last_stage_that_builds_needs_its_development_packages(tmp_path):
    assert stages.production_install(draft(tmp_path, PROJECT, seen(*BUILT))) is None


IN_A_FOLDER = {
    "server/package.json": PACKAGE,
    "server/package-lock.json": LOCK,
    "server/index.js": "",
    "client/package.json": "{}",
}


def test_the_packages_of_a_folder_of_the_context_count(tmp_path):
    text = "FROM node:20\nWORKDIR /app\nCOPY server/package*.json ./\nRUN npm install\nCOPY server/ .\nCMD node index.js\n"
    found = draft(tmp_path, IN_A_FOLDER | {"Dockerfile": text}, seen(*BUILT))
    assert found.home == "server/"
    assert "RUN npm ci" in changed(install.from_lock_file(found))
    assert "RUN npm install --omit=dev" in changed(stages.production_install(found))
    below = text.replace("COPY server/package*.json ./\n", "").replace(
        "RUN npm install\nCOPY server/ .", "COPY server/ .\nRUN npm install"
    )
    lines = changed(install.before_sources(draft(tmp_path, IN_A_FOLDER | {"Dockerfile": below})))
    assert lines[2:5] == [
        "COPY server/package.json server/package-lock.json ./",
        "RUN npm install",
        "COPY server/ .",
    ]
    whole = text.replace("COPY server/package*.json ./\nRUN npm install\nCOPY server/ .", "COPY . .")
    assert draft(tmp_path, IN_A_FOLDER | {"Dockerfile": whole}).home == ""


def test_the_packages_that_sources_ask_for_are_known_without_types(tmp_path):
    text = (
        "import a from 'a'\nimport type {T} from 'types'\nimport 'side/x.js'\n"
        "const b = require('@b/c/d'), e = await import(\"e\"), own = require('./own')\n"
    )
    assert draft(tmp_path, PROJECT | {"src/a.ts": text}).asked_for() == {"a", "side", "@b/c", "e"}
