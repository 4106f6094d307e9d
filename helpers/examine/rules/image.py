"""Rules on images: the base images of a Dockerfile, and the built image.

The rules know only the name of a base, and the gathered facts of the image. They ask no engine.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from datetime import date

from helpers.buildx.dockerfile import Instruction
from helpers.claims import support
from helpers.claims.support import Line
from helpers.examine.credentials import Secret
from helpers.examine.findings import Finding, Severity
from helpers.examine.gather import Sources
from helpers.examine.report import BuiltImage, Hidden
from helpers.examine.rules import layers, purpose
from helpers.host.tables import in_units
from helpers.image import attack_surface

_ROOT_BASES = re.compile(  # bases that are known to start as root
    r"scratch|(docker\.io/)?(library/)?"
    r"(node|python|golang|rust|ruby|perl|elixir|erlang|swift|dart|julia|openjdk|eclipse-temurin"
    r"|amazoncorretto|maven|gradle|debian|ubuntu|alpine|busybox|amazonlinux|fedora|centos|rockylinux"
    r"|almalinux|oraclelinux|oven/bun|denoland/deno)([:@].*)?"
    r"|(docker\.io/)?(library/)?php:[^@]*cli.*|ghcr\.io/astral-sh/uv:.*python.*"
    r"|mcr\.microsoft\.com/dotnet/(aspnet|runtime|sdk)(?!.*(chiseled|distroless)).*"
    r"|gcr\.io/distroless/(?!.*nonroot).*"
)
_GIVES_UP = re.compile(  # programs that start as root and go on as another user
    r"\b(gosu|su-exec|setpriv|runuser|s6-\w+|my_init|supervisord|start-stop-daemon|setuidgid|chpst|nginx|apache2"
    r"|httpd|php-fpm|sshd|crond?|--userspec|sudo -u|su -|su \w+ -c|dockerd|privileged"
    r"|iptables|nftables|wg-quick|wireguard-tools|openvpn|tailscaled?|NET_ADMIN)\b"
)
_MAKES_USER = re.compile(r"\b(adduser|useradd)\b")
_KEEPS = ("ADD", "CMD", "COPY", "ENTRYPOINT", "ENV", "VOLUME", "WORKDIR")  # name places of the program
_APPLICATION = re.compile(
    r"node|npm|yarn|pnpm|bun|deno|python[\d.]*|uvicorn|gunicorn|fastapi|flask|hypercorn|daphne|granian"
    r"|streamlit|java|dotnet|ruby|rails|puma|bundle|mix|php"
)
_HIDING = {
    "copied-twice": re.compile(r"\b(chown|chmod|cp -\w*[aprR]\w*|mv)\b"),
    "removed-later": re.compile(r"^RUN .*\b(rm|clean|autoremove|purge)\b"),
}
_REMEDIES = {
    "copied-twice": "Give owner and mode to the copy (`COPY --chown=…`, `COPY --chmod=…`), or change "
    "files in the RUN that makes them.",
    "removed-later": "Remove them in the RUN that makes them, or make them in an earlier stage.",
    "hidden-bytes": "Make and change them in one RUN, or make them in an earlier stage.",
}
MEASURED = {"copied-twice", "removed-later"}  # rules on the text that the image answers better
_SHOWN = 80  # characters of an instruction in a sentence
_WORTH_A_WORD = 1_000_000  # bytes from which waste is a finding


def check_bases(sources: Sources, on: date) -> list[Finding]:
    """Return a finding for each base made of a release line that is past its end of life on that day.

    A base with an unknown line gives no finding, nor does one whose lines get long-term support.
    """
    file, target = sources.file, sources.project.target
    lines = [i.line for i in file.instructions if i.keyword == "FROM"]
    shipped = {stage.base: lines[stage.index] for stage in file.lineage(target)}
    named = {stage.base: lines[stage.index] for stage in file.needs(target) if not file.parent(stage)}
    over = {base: ended for base in named if (ended := support.ended([base], on))}
    told = {base: ended for base, ended in over.items() if any(_is_unfixed(one, on) for one in ended)}
    grave = {base: ended for base, ended in told.items() if base in shipped}
    found = []
    for base, ended in told.items():
        alike = [
            named[other]
            for other, lines_of in told.items()
            if other not in grave and {*lines_of} <= {*ended}
        ]
        if base in grave:
            found.append(_ended(base, ended, shipped[base], on, alike, ships=True))
        elif not any({*ended} <= {*of_shipped} for of_shipped in grave.values()):
            found.append(_ended(base, ended, named[base], on, ships=False))
    return found


def _is_unfixed(line: Line, on: date) -> bool:
    """Whether nobody fixes the faults of a line that has ended."""
    return line.extended is None or line.extended < on


def _ended(
    base: str, ended: list[Line], line: int, on: date, alike: Sequence[int] = (), *, ships: bool
) -> Finding:
    """Return the finding on a base; ``alike`` are the lines of builders with the same ended lines."""
    others = f" The same goes for line {' and '.join(map(str, sorted(alike)))}." if alike else ""
    return Finding(
        "past-end-of-life",
        "style",
        Severity.WARNING if ships else Severity.HINT,
        line,
        f"`{base}`: {'; '.join(one.phrase(on) for one in ended)}.{others}",
        f"Move to what gets fixes: {', '.join(_alive(one, on) for one in ended)}.",
    )


def _alive(ended: Line, on: date) -> str:
    """Return the line of the same product that gets fixes the longest."""
    alive = [line for line in support.lines(ended.product) if line.supported(on)]
    return str(max(alive, key=lambda line: (line.months_left(on), line.released or on)))


def check(sources: Sources, image: BuiltImage, told: Collection[str] = ()) -> list[Finding]:
    """Return findings on an image; ``told`` are the rules that found their cause before the build."""
    secrets = [] if "secret-in-context" in told or not image.secrets else [_secrets(image.secrets)]
    by: dict[str, list[Hidden]] = {}
    for hidden in image.hidden:
        by.setdefault(hidden.by, []).append(hidden)
    groups = [group for group in by.values() if sum(one.bytes for one in group) >= _WORTH_A_WORD]
    return [*secrets, *(_hidden(sources, group) for group in groups)]


def check_user(sources: Sources, image: BuiltImage | None = None) -> list[Finding]:
    """Return a finding when the program runs as root, by the text or, better, by the image.

    None for an image of which the text does not show that it serves, for one for development, or for a
    program that may give its rights up. Nor, without an image, for a base with an unknown user.
    """
    walk = layers.walk(sources)
    stage = sources.file.stage(sources.project.target)
    history = [layer.instruction for layer in walk.history(stage)]
    started = purpose.entry_and_command(sources.file.lineage(sources.project.target))
    lines = [one.line for one in started if one]
    users = [one for one in history if one.keyword == "USER"]
    user = users[-1].value.strip("\"'") if users else ""
    known = bool(users) or bool(_ROOT_BASES.fullmatch(walk.base(stage)))
    root = attack_surface.is_root(image.user) if image else known and attack_surface.is_root(user)
    if not root or not lines or not _serves(sources, history, bool(users)):
        return []
    if purpose.develops(sources, walk):
        return []
    name = "node" if re.match(r"(docker\.io/)?(library/)?node\b", walk.base(stage)) else "65532"
    place = f"in place of line {users[-1].line}" if users else f"above line {min(lines)}"
    of_root = any(
        re.search(r"(^|[\s\"'=:])/root\b", one.value) for one in history if one.keyword in _KEEPS
    )
    moved = " Move what it needs of /root first, which only root can read." if of_root else ""
    return [
        Finding(
            "runs-as-root",
            "style",
            Severity.HINT,
            users[-1].line if users else min(lines),
            f"{'The last USER is root' if users else 'No USER is set'}, so the program runs as root: a "
            "fault in it gives away every file of the container.",
            f"Put `USER {name}` {place}, and let that user own only what the program writes.{moved}",
        )
    ]


def _serves(sources: Sources, history: Sequence[Instruction], has_user: bool) -> bool:
    """Whether the text shows an application that listens, and that stays the user who started it."""
    started = purpose.start(sources.file.lineage(sources.project.target))
    application = any(_APPLICATION.fullmatch(word.rpartition("/")[2]) for word in started)
    said = "\n".join([sources.file.text, *purpose.scripts_run(sources)])
    if _GIVES_UP.search(said) or any("build" in word for word in started):
        return False
    if not application and not has_user and _MAKES_USER.search(said):
        return False  # the program itself may change to the user that was made
    return application or any(one.keyword == "EXPOSE" for one in history)


def _secrets(secrets: Sequence[Secret]) -> Finding:
    first = secrets[0]
    others = f", and {len(secrets) - 1} more files hold secrets" if len(secrets) > 1 else ""
    return Finding(
        "secret-in-image",
        "size",
        Severity.ERROR,
        None,
        f"{first.path} in the image holds {first.what}{others}: whoever pulls the image can read it.",
        "Keep it out with .dockerignore; hand secrets to the build with `RUN --mount=type=secret`.",
    )


def _hidden(sources: Sources, group: Sequence[Hidden]) -> Finding:
    """Return the finding on all that one instruction hides of the layers below it."""
    by = group[0].by
    size = in_units(sum(one.bytes for one in group))
    below = " and ".join(f"`{one.instruction[:_SHOWN]}`" for one in group[:2])
    kind = next((name for name, words in _HIDING.items() if words.search(by)), "hidden-bytes")
    if all(one.how == "replaced" for one in group):
        sentence = f"`{by[:_SHOWN]}` stores {size} of files a second time, which {below} stored already."
    else:
        sentence = f"`{by[:_SHOWN]}` hides {size} of {below}: they are stored and moved, and never seen."
        kind = "removed-later" if kind == "copied-twice" else kind
    return Finding(kind, "size", Severity.WARNING, _line(sources, by), sentence, _REMEDIES[kind])


def _line(sources: Sources, instruction: str) -> int | None:
    """Return the line of the Dockerfile that an image's record of an instruction comes from."""
    for stage in sources.file.lineage(sources.project.target):
        for one in stage.instructions:
            written = f"{one.keyword} {' '.join(one.value.split())}"
            if instruction == written or (one.keyword == "RUN" and instruction.endswith(written[4:])):
                return one.line
    return None
