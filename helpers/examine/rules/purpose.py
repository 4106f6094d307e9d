"""Tell from its text what an image is for: to run an application, or to develop and test one.

An image for development has its tools on purpose, so rules on what ships do not judge it.
"""

from __future__ import annotations

import functools
import json
import re
from collections.abc import Iterator, Sequence
from typing import Any

from helpers.buildx.dockerfile import Instruction
from helpers.examine.gather import Sources
from helpers.examine.rules import layers, shell_commands
from helpers.examine.rules.layers import Walk
from helpers.examine.rules.shell_commands import Command

_NAMES = re.compile(
    r"(?i)(?:^|[._/-])(dev|devel|development|developer|debug|devcontainer|local|test|tests|testing|e2e"
    r"|ci|lint|linter|docs|bench|benchmark|sandbox|storybook)(?:$|[._/-])"
)
_BUILDS = re.compile(r"(?i)(?:^|[._/-])(builder?|tools|toolchain|base)(?:$|[._-])[^/]*$")
_TEST_FOLDERS = {"e2e", "test", "testdata", "tests"}
_LEVELS = 5  # of a context's path
_MODES = ("NODE_ENV", "APP_ENV", "RAILS_ENV", "RACK_ENV", "FLASK_ENV", "MIX_ENV", "ENVIRONMENT")
_TOOLS = re.compile(
    r"(?:^|[\s/])(nodemon|ts-node|ts-node-dev|tsx|vite(?! preview)|webpack-dev-server|webpack serve"
    r"|ng serve|jest|mocha|vitest|cypress|playwright|pytest|tox|nox|air|dlv|watchexec"
    r"|(?:react-scripts|craco|react-app-rewired|vue-cli-service)(?: -\S+)* (?:start|serve)"
    r"|(?:dotnet|cargo|npm run|yarn|yarn run|pnpm|pnpm run|bun run)"
    r" (?:watch|dev|test|start[:-]?dev|dev[:\w-]*)"
    r"|next dev|nuxt dev|nest start|npm (?:t|test)|go (?:run|test)|mvn|mvnw|gradle|gradlew"
    r"|php -S|artisan serve|symfony (?:serve|server:start|local:server:start)"
    r"|manage\.py runserver|sleep (?:infinity|inf|\d+)|tail -f /dev/null)(?:$|[\s:])"
    r"|--reload\b|--watch\b|--inspect\b"
)
_REPL = re.compile(
    r"(?:docker\.io/)?(?:library/)?(?:node|python|ruby|golang|rust|php|debian|ubuntu|alpine|fedora)"
    r"(?:[:@].*)?"
)
_YARN = {"add", "cache", "config", "global", "install", "prune", "remove", "set", "workspaces"}
_SHELLS = re.compile(r"(?:\S*/)?(?:ba|z|a|da)?sh(?: -l| -i| --login)?")


@functools.lru_cache(maxsize=1)
def develops(sources: Sources, walk: Walk) -> bool:
    """Whether the image is for development or tests, by its name, its target or what it starts."""
    file, stage = sources.file, sources.file.stage(sources.project.target)
    if is_named_so(sources):
        return True
    history = walk.history(stage)
    values = [history[-1].variables.get(name, "") for name in _MODES] if history else []
    if any(value.lower() in ("dev", "development", "test", "testing", "local") for value in values):
        return True
    if re.search(r"(?i)devcontainers?/|\bplaywright\b|\bcypress/", walk.base(stage)):
        return True
    words = start(file.lineage(sources.project.target))
    started = " ".join(words)
    if any(_NAMES.search(word) for word in words if word.endswith(".sh")):
        return True
    exposes = any(layer.instruction.keyword == "EXPOSE" for layer in history)
    if not started and not exposes and _REPL.fullmatch(walk.base(stage)):
        return sources.survey is not None  # it starts nothing of the project: a tool
    said = [started, *scripts_run(sources)]
    return any(_TOOLS.search(text) for text in said) or bool(_SHELLS.fullmatch(started))


def is_named_so(sources: Sources) -> bool:
    """Whether the names of the Dockerfile, its target or its folder are those of such an image."""
    names = (sources.project.file, sources.file.stage(sources.project.target).name or "")
    if any(_NAMES.search(name) or _BUILDS.search(name) for name in names):
        return True
    folder = sources.project.context
    above = {part.strip("_").lower() for part in folder.parts[-_LEVELS:]}
    return bool(_NAMES.fullmatch(folder.name) or _TEST_FOLDERS & above)


def start(lineage: Sequence[Any]) -> tuple[str, ...]:
    """Return the words of ENTRYPOINT and CMD that the image of these stages starts with.

    An ENTRYPOINT resets the CMD of the stages below its own, as in the builder.
    """
    entry, command = entry_and_command(lineage)
    return (*(words_of(entry) if entry else ()), *(words_of(command) if command else ()))


def entry_and_command(lineage: Sequence[Any]) -> tuple[Instruction | None, Instruction | None]:
    """Return the ENTRYPOINT and the CMD that count."""
    entry = command = None
    for stage in lineage:
        for instruction in stage.instructions:
            if instruction.keyword == "ENTRYPOINT":
                entry = instruction
            elif instruction.keyword == "CMD":
                command = instruction
    return entry, command


def words_of(instruction: Instruction) -> tuple[str, ...]:
    """Return the words of a CMD or ENTRYPOINT, also those in a shell's text, without quotes."""
    return tuple(part.strip("\"'") for word in instruction.words() for part in word.split())


def manifests(sources: Sources, stage: Any, name: str = "package.json") -> Iterator[dict[str, Any]]:
    """Yield the JSON manifests with this name that reach a stage; what is no JSON object is left out."""
    reached = layers.taken(sources, stage) or ()
    for path, text in sources.texts.items():
        if path in reached and path.rpartition("/")[2] == name:
            try:
                found = json.loads(text)
            except (ValueError, RecursionError):
                continue
            if isinstance(found, dict):
                yield found


def script_named(command: Command) -> str:
    """Return the name of the script of package.json that a command runs, or ""."""
    if command[:1] and command[0] in ("npm", "yarn", "pnpm", "bun"):
        words = [word for word in command[1:] if not word.startswith("-")]
        if words[:1] in (["workspace"], ["workspaces"]):
            words = words[2:]  # yarn runs the script in a workspace
        if words[:1] in (["run"], ["run-script"]):
            return words[1] if len(words) > 1 else ""
        of_yarn = command[0] == "yarn" and words[:1] and words[0] not in _YARN
        if words[:1] and (of_yarn or words[0] in ("start", "test")):
            return words[0]
    return ""


def scripts_run(sources: Sources) -> Iterator[str]:
    """Yield the texts that the image starts: shell scripts of the context, scripts of package.json."""
    file = sources.file
    stage = file.stage(sources.project.target)
    begun = [one for one in entry_and_command(file.lineage(sources.project.target)) if one]
    texts = [text for one in begun for text in started_files(sources, one).values()]
    yield from texts
    ran = [command for one in begun for command in shell_commands.commands(one)]
    ran.append(start(file.lineage(sources.project.target)))  # an ENTRYPOINT with the CMD as arguments
    ran += [command for text in texts for command in shell_commands.in_text(text)]
    named = {name for command in ran if (name := script_named(command))}
    for manifest in manifests(sources, stage) if named else ():
        scripts = manifest.get("scripts")
        found = scripts if isinstance(scripts, dict) else {}
        yield from (text for name in named if isinstance(text := found.get(name), str))


def started_files(sources: Sources, begun: Instruction) -> dict[str, str]:
    """Return, by path, the files of the context that a CMD or ENTRYPOINT names, apart from manifests."""
    names = {word.rpartition("/")[2] for word in words_of(begun)}
    return {
        path: text
        for path, text in sources.texts.items()
        if path.rpartition("/")[2] in names and not path.endswith((".json", ".toml", ".yml"))
    }
