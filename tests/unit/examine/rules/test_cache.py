"""What in a Dockerfile's text breaks its cache, each rule with a file that it finds and one it leaves."""

from __future__ import annotations

from pathlib import Path

import pytest

from helpers.examine.findings import Severity
from helpers.examine.rules import cache
from helpers.measure import sample
from tests.unit.examine.projects import of_folder, of_text


def found(text: str, rule: str, **options) -> list:
    return [f for f in cache.check(of_text(text, **options)) if f.rule == rule]


LATE = {
    "npm": "npm ci",
    "yarn without a verb": "yarn",
    "pnpm": "pnpm install --frozen-lockfile",
    "pip": "pip install -r requirements.txt",
    "pip as a module": "python3 -m pip install -r requirements.txt",
    "uv": "uv sync --locked",
    "Poetry": "poetry install",
    "Go, on the way to a program": "CGO_ENABLED=0 go build -o /api ./cmd/api",
    "Cargo": "cargo build --release",
    "Maven": "./mvnw -B package",
    "Gradle": "gradle build",
    "Bundler": "bundle install",
    "Composer": "composer install --no-dev",
    ".NET": "dotnet publish -c Release",
    "apt": "apt-get update && apt-get install -y curl",
    "apk": "apk add --no-cache curl",
}


@pytest.mark.parametrize("command", LATE.values(), ids=LATE)
def test_an_install_below_the_copy_of_everything_is_found(command):
    (finding,) = found(f"FROM a\nCOPY . .\nRUN {command}\n", "sources-before-install")
    assert finding.line == 3
    assert finding.severity is Severity.WARNING
    assert "line 2" in finding.sentence


@pytest.mark.parametrize("command", LATE.values(), ids=LATE)
def test_an_install_above_the_copy_is_left(command):
    assert not found(f"FROM a\nCOPY manifest ./\nRUN {command}\nCOPY . .\n", "sources-before-install")


@pytest.mark.parametrize(
    "copy",
    [
        *("COPY . .", "ADD ./ /app", "COPY src ./src", 'COPY [".", "/app"]', "COPY src/*.ts ./"),
        *("ARG S=src\nCOPY $S ./", "COPY --exclude=*.md . .", "COPY --parents src/**/*.ts ./"),
    ],
)
def test_sources_are_known_by_what_is_copied(copy):
    assert found(f"FROM a\n{copy}\nRUN npm ci\n", "sources-before-install")


@pytest.mark.parametrize(
    "copy",
    [
        *("COPY package*.json ./", "COPY .npmrc ./", "COPY --from=b . .", "COPY <<E /x\n.\nE"),
        *("COPY --parents **/package.json ./", "COPY app/package*.json ./"),
    ],
)
def test_manifests_settings_and_other_stages_are_no_sources(copy):
    text = f"FROM b AS b\nFROM a\n{copy}\nRUN npm ci\n"
    assert not found(text, "sources-before-install")


def test_a_compiler_that_only_follows_its_download_is_left():
    text = "FROM a\nCOPY go.mod go.sum ./\nRUN go mod download\nCOPY . .\nRUN go build\n"
    assert not found(text, "sources-before-install")


def test_a_cache_mount_makes_it_a_hint():
    text = "FROM a\nCOPY . .\nRUN --mount=type=cache,target=/root/.npm npm ci\n"
    (finding,) = found(text, "sources-before-install")
    assert finding.severity is Severity.HINT


def test_a_stage_inherits_what_the_stage_below_has_copied():
    text = "FROM a AS sources\nCOPY . .\nFROM sources\nRUN npm ci\n"
    (finding,) = found(text, "sources-before-install")
    assert finding.line == 4


def test_what_onbuild_copies_counts_where_it_is_triggered():
    text = "FROM a AS base\nONBUILD COPY . .\nFROM base\nRUN npm ci\n"
    assert [f.line for f in found(text, "sources-before-install")] == [4]


def test_stages_that_the_build_skips_are_not_judged():
    text = "FROM a AS unused\nCOPY . .\nRUN npm ci\nFROM a\nRUN x\n"
    assert not found(text, "sources-before-install")


def test_an_install_that_reads_no_file_is_to_be_moved_up():
    (finding,) = found("FROM a\nCOPY . .\nRUN pip install flask\n", "sources-before-install")
    assert "Move it above line 2" in finding.remedy


@pytest.mark.parametrize("name", ["GIT_SHA", "BUILD_DATE", "VERSION", "COMMIT", "CACHEBUST", "vcs_ref"])
def test_an_argument_that_changes_often_above_other_steps_is_found(name):
    (finding,) = found(f"FROM a\nARG {name}\nRUN one\nRUN two\nRUN echo ${name}\n", "early-argument")
    assert finding.line == 2
    assert "2 steps" in finding.sentence


@pytest.mark.parametrize(
    "text",
    [
        "FROM a\nARG NODE_VERSION=20\nRUN one\n",
        "FROM a\nARG USERNAME\nRUN one\n",
        "FROM a\nARG JDK_VERSION=21\nARG TINI_SHA=93dcc18adc78\nRUN one\n",
        f"FROM a\nARG COMMIT={'0' * 40}\nRUN one\n",
        "FROM a\nARG GIT_SHA\nRUN echo $GIT_SHA\nRUN two\n",
        "FROM a\nRUN one\nARG GIT_SHA\nLABEL sha=$GIT_SHA\n",
        "ARG VERSION=1\nFROM a:$VERSION\nRUN one\n",
    ],
)
def test_an_argument_that_costs_nothing_is_left(text):
    assert not found(text, "early-argument")


def test_an_argument_given_from_outside_counts_as_one_that_changes():
    assert found("FROM a\nARG USERNAME\nRUN apk add x\n", "early-argument", build_args={"USERNAME"})


def test_a_value_that_is_used_at_once_by_env_costs_nothing_but_a_label_moves_with_it():
    assert not found("FROM a\nARG GIT_SHA\nENV SHA=$GIT_SHA\nRUN apk add x\n", "early-argument")
    text = "FROM a\nARG GIT_SHA\nLABEL sha=$GIT_SHA\nRUN apk add x\n"
    (finding,) = found(text, "early-argument")
    assert "with the LABEL on line 3" in finding.remedy


def test_a_program_of_the_project_may_read_the_argument_without_naming_it():
    assert not found("FROM a\nARG GIT_SHA\nRUN make\n", "early-argument")
    assert found("FROM a\nARG GIT_SHA\nRUN make\nRUN echo $GIT_SHA\n", "early-argument")


@pytest.mark.parametrize(("default", "findings"), [("1.7.3", 0), ("dev", 1), ("0.0.0", 1), ("", 1)])
def test_a_release_as_default_is_changed_by_hand(default, findings):
    text = f"FROM a\nARG VERSION={default}\nRUN apk add x\n"
    assert len(found(text, "early-argument")) == findings


def test_an_update_in_a_step_of_its_own_is_found():
    (finding,) = found("FROM a\nRUN apt-get update\nRUN apt-get install -y x\n", "update-alone")
    assert finding.line == 2
    text = "FROM a AS b\nRUN apt-get update\nFROM b\nRUN apt-get install -y x\n"
    assert found(text, "update-alone")


@pytest.mark.parametrize(
    "step",
    [
        *("apt-get update && apt-get install -y x", "<<E\napt-get update\napt-get install -y x\nE"),
        *("apt-get update && xx-apt-get install -y x", "apt-get update && ./install.sh"),
        "apt-get update\nRUN apt-get update && apt-get install -y x",
    ],
)
def test_an_update_that_serves_its_own_step_is_left(step):
    assert not found(f"FROM a\nRUN {step}\n", "update-alone")


def test_an_early_install_of_the_tool_itself_does_not_silence_a_late_one():
    text = "FROM a\nRUN npm i -g pm2\nCOPY . .\nRUN npm ci\n"
    assert [f.line for f in found(text, "sources-before-install")] == [4]


@pytest.mark.parametrize(
    "command",
    [
        *("cargo chef prepare", "go build -mod=vendor .", "dotnet build --no-restore", "pip install ."),
        *(
            "mvn -o package",
            "apt-get install -y ./a.deb",
            "pip install dist/*.whl",
            "pip install $PACKAGES",
        ),
        "apk add gcc && make && apk del gcc",
    ],
)
def test_a_step_that_fetches_nothing_or_needs_the_sources_is_left(command):
    assert not found(f"FROM a\nCOPY . .\nRUN {command}\n", "sources-before-install")


def test_packages_that_another_stage_fetched_are_not_fetched_again():
    text = "FROM golang:1 AS m\nRUN go mod download\nFROM golang:1\nCOPY --from=m /go/pkg /go/pkg\n"
    text += "COPY . .\nRUN go build .\n"
    assert not found(text, "sources-before-install")


def test_a_package_json_put_in_place_below_the_copy_is_left():
    text = "FROM a\nCOPY . .\nRUN mv server.json package.json\nRUN npm install\n"
    assert not found(text, "sources-before-install")


def test_build_files_alone_are_no_sources(tmp_path):
    text = "FROM a\nCOPY ./src/ad/gradlew* ./src/ad/build.gradle ./\nRUN ./gradlew dependencies\n"
    assert not found(text, "sources-before-install")
    files = {"src/package.json": "{}", "src/a.js": "", "lib/build.gradle": ""}

    def lines(copy: str) -> list:
        files["Dockerfile"] = f"FROM a\nCOPY {copy} ./\nRUN npm ci\n"
        found = cache.check(of_folder(tmp_path, files))
        return [f.line for f in found if f.rule == "sources-before-install"]

    assert lines("src") == [3]
    assert lines("lib") == []


def test_the_remedy_names_the_files_that_there_are(tmp_path):
    files = {"Dockerfile": "FROM a\nCOPY . .\nRUN npm i\n", "a.js": ""}
    files["package.json"] = '{"scripts": {"postinstall": "node a.js"}}'
    (finding,) = (
        f for f in cache.check(of_folder(tmp_path, files)) if f.rule == "sources-before-install"
    )
    assert "Copy package.json alone first" in finding.remedy
    assert "`postinstall`" in finding.remedy
    (finding,) = found("FROM a\nCOPY . .\nRUN pip install -r r/prod.txt\n", "sources-before-install")
    assert "Copy r/prod.txt alone" in finding.remedy


def test_the_recommended_file_has_no_finding():
    assert cache.check(of_text(sample.dockerfile("recommended").read_text())) == []


def test_a_gemfile_that_reads_the_project_itself_needs_the_sources(tmp_path):
    files = {"Dockerfile": "FROM ruby:3\nCOPY . .\nRUN bundle install\n", "a.rb": ""}

    def told(gemfile: str) -> list:
        sources = of_folder(tmp_path, {**files, "Gemfile": gemfile})
        return [f for f in cache.check(sources) if f.rule == "sources-before-install"]

    assert told('gem "rails"\n')
    assert not told("gemspec\n")
    assert not told('gem "core", path: "core"\n')


def remedies(folder: Path, files: dict) -> list[str]:
    sources = of_folder(folder, files)
    return [f.remedy for f in cache.check(sources) if f.rule == "sources-before-install"]


def test_an_install_without_its_manifest_in_the_context_is_left(tmp_path):
    files = {"Dockerfile": "FROM golang:1\nCOPY . .\nRUN go mod init a\nRUN go build\n", "a.go": ""}
    assert not cache.check(of_folder(tmp_path, files))
    files["go.mod"] = "module a\n\nrequire b v1\n"
    assert remedies(tmp_path, files)


def test_a_go_module_without_requirements_fetches_nothing(tmp_path):
    files = {"Dockerfile": "FROM golang:1\nCOPY . .\nRUN go build\n", "a.go": "", "go.mod": "module a\n"}
    assert not cache.check(of_folder(tmp_path, files))


def test_the_remedy_installs_without_what_needs_the_sources(tmp_path):
    files = {"Dockerfile": "FROM a\nCOPY . .\nRUN composer install --no-dev\n"}
    files |= {"composer.json": "{}", "a.php": ""}
    (remedy,) = remedies(tmp_path, files)
    assert "run `composer install --no-scripts --no-autoloader`" in remedy


def test_the_remedy_names_what_settings_of_the_package_manager_read(tmp_path):
    files = {"Dockerfile": "FROM a\nCOPY . .\nRUN yarn install\n", "a.js": "", "package.json": "{}"}
    files |= {"yarn.lock": "", ".yarnrc.yml": "yarnPath: .yarn/releases/yarn-4.cjs\n"}
    assert ".yarn/releases" in remedies(tmp_path, files)[0]
    files |= {"Dockerfile": "FROM a\nCOPY . .\nRUN pnpm i\n", "pnpm-lock.yaml": ""}
    files |= {"pnpm-workspace.yaml": "patchedDependencies:\n  a@1: patches/a.patch\n"}
    assert "and the patches alone" in remedies(tmp_path, files)[0]


def test_a_mount_that_another_finding_proposes_is_told_once():
    text = "FROM maven:3\nCOPY . .\nRUN mvn package\n"
    assert [f.rule for f in cache.check(of_text(text))] == ["sources-before-install"]


def test_of_two_installs_in_a_step_the_one_that_reads_files_is_told():
    (finding,) = found("FROM a\nCOPY . .\nRUN npm i -g pnpm && pnpm i\n", "sources-before-install")
    assert "`pnpm i`" in finding.sentence


def test_a_package_that_is_added_to_the_project_stays_where_it_is():
    assert not found("FROM a\nCOPY . .\nRUN npm install sharp\n", "sources-before-install")
    assert found("FROM a\nCOPY . .\nRUN npm install -g pm2\n", "sources-before-install")


def test_the_remedy_for_cargo_is_a_mount_since_a_manifest_alone_is_not_enough():
    (finding,) = found("FROM rust\nCOPY . .\nRUN cargo build\n", "sources-before-install")
    assert finding.remedy.startswith("Give this step a cache mount on /usr/local/cargo/registry")


def test_the_remedy_names_the_manifest_of_every_module(tmp_path):
    files = {"Dockerfile": "FROM a\nCOPY . .\nRUN mvn package\n", "pom.xml": "", "a/pom.xml": ""}
    files["a/A.java"] = ""
    assert "copy every pom.xml, each into its folder, alone" in remedies(tmp_path, files)[0]


def test_the_remedy_for_dotnet_names_the_settings_that_a_restore_reads(tmp_path):
    files = {"Dockerfile": "FROM a\nCOPY . .\nRUN dotnet restore\n", "a/a.csproj": "", "a/a.cs": ""}
    files["Directory.Build.props"] = ""
    (remedy,) = remedies(tmp_path, files)
    assert "Copy Directory.Build.props and every *.csproj, each into its folder, alone" in remedy


def test_the_remedy_names_the_wrapper_and_every_module_of_gradle(tmp_path):
    files = {"Dockerfile": "FROM a\nCOPY . .\nRUN ./gradlew build\n", "a/A.java": ""}
    files |= {"build.gradle.kts": "", "a/build.gradle.kts": "", "settings.gradle.kts": ""}
    (remedy,) = remedies(tmp_path, files)
    assert "copy gradlew, gradle and every build.gradle.kts and settings.gradle.kts" in remedy
    assert "run `./gradlew dependencies`" in remedy
