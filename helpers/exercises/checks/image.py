"""Checks of the image: its size, its layers, its files, its user. None of them runs it."""

from __future__ import annotations

from collections.abc import Iterator
from fnmatch import fnmatchcase

from helpers import bases
from helpers.buildx import dockerfile
from helpers.claims import support
from helpers.exercises.attempt import Attempt
from helpers.exercises.checks.model import Check
from helpers.host.tables import MB
from helpers.host.workspace import FAKE_SECRET
from helpers.image import attack_surface, secrets
from helpers.image.image import Image
from helpers.measure import sample


def at_most(megabytes: float) -> Check:
    """Ask that the image is no larger on disk than this (in MB of 10^6 bytes)."""

    def trial(attempt: Attempt) -> str | None:
        size = attempt.result.uncompressed_bytes / MB
        return None if size <= megabytes else f"It takes {size:.0f} MB."

    hint = "What in the image does nothing while the app runs? Look at it by category."
    return Check(f"The image takes at most {megabytes:.0f} MB on disk", hint, trial)


def at_most_above_recommended(percent: float) -> Check:
    """Ask that the image is at most this much larger than the recommended file's base here."""

    def trial(attempt: Attempt) -> str | None:
        result = attempt.result
        last = dockerfile.read(sample.dockerfile("recommended")).stages[-1].base
        (base,) = bases.resolve([last], result.engine)
        bound = Image(result.engine, base.reference).uncompressed_bytes * (1 + percent / 100) / MB
        size = result.uncompressed_bytes / MB
        return None if size <= bound else f"It takes {size:.0f} MB; here that makes {bound:.0f} MB."

    hint = "What in the image does nothing while the app runs? Look at it by category."
    whose = "the image that `05_recommended` ends on"
    return Check(f"On disk it takes at most {percent:.0f} % more than {whose}", hint, trial)


def stands_on_supported_lines() -> Check:
    """Ask that no stage is built on a line of Node, Debian or Alpine that no longer gets fixes."""

    def trial(attempt: Attempt) -> str | None:
        result = attempt.result
        today = result.started.date()
        ended = support.ended((base.name for base in result.bases), today)
        return f"{ended[0].phrase(today)}." if ended else None

    hint = "The tag of a base names two lines: Node's, and that of its operating system."
    return Check("All its bases still get fixes", hint, trial)


def wastes_at_most(megabytes: float) -> Check:
    """Ask that later layers delete or replace no more bytes than this."""

    def trial(attempt: Attempt) -> str | None:
        waste = attempt.result.image.waste
        if waste.bytes <= megabytes * MB:
            return None
        largest = max(waste.files, key=lambda file: file.bytes)
        first, later = waste.layers[largest.layer], waste.layers[largest.by_layer]
        size = f"{largest.bytes / MB:.0f} MB of {largest.path}"
        return f"{size} lie in the layer of {first!r}, {largest.how} by {later!r}."

    hint = "A layer only adds. What one instruction wrote, no later one can make smaller."
    clues = {"deleted by": "A deleted file still lies in the layer that wrote it. Who may delete it?"}
    sentence = f"At most {megabytes:g} MB lie in layers for nothing"
    return Check(sentence, hint, trial, clues)


def leaves_behind(*names: str) -> Check:
    """Ask that files are in no layer, deleted or not.

    ``names`` are shell patterns, each for the last parts of a path.
    """

    def trial(attempt: Attempt) -> str | None:
        for path, fate in _stored(attempt):
            if any(fnmatchcase(path, f"*/{name}") for name in names):
                return f"It holds {path}{fate}."
        return None

    hint = "COPY takes all that it names, RUN keeps all that it writes. What does the server open?"
    clues = {", deleted": "What was copied and deleted later is still in the layer that copied it."}
    return Check(f"The image holds no {', '.join(names)}", hint, trial, clues)


def _stored(attempt: Attempt) -> Iterator[tuple[str, str]]:
    """Yield the paths in the layers; a path that no container sees comes with what hid it."""
    image = attempt.result.image
    yield from ((file.path, "") for file in image.files)
    yield from ((file.path, f", {file.how} later") for file in image.waste.files)


# Every process in a container sees the settings. A secret in a layer or the history has to be found.
_OPENEST_FIRST = (secrets.SETTINGS, secrets.LAYER, secrets.HISTORY)


def hides_the_secret() -> Check:
    """Ask that the fake key is nowhere in the image: no layer, no history entry, no setting."""

    def trial(attempt: Attempt) -> str | None:
        found = secrets.search(attempt.result.image, FAKE_SECRET)
        if not found.sightings:
            return None
        worst = min(found.sightings, key=lambda sighting: _OPENEST_FIRST.index(sighting.where))
        by = f" ({worst.instruction})" if worst.instruction else ""
        return f"It is in the {worst.where}: {worst.what}{by}."

    hint = "What once was in a layer stays there, deleted later or not. How does it not come in at all?"
    clues = {
        "environment variable": "ENV is a setting of the image: whoever can pull it can read it.",
        "in the history": "Each RUN writes down the arguments that it ran with, for all who can pull.",
    }
    return Check("No part of the image holds the fake key", hint, trial, clues)


def has_no_shell() -> Check:
    """Ask that the image's file system contains no shell."""

    def trial(attempt: Attempt) -> str | None:
        found = attack_surface.shells(attempt.result.image.files)
        return f"It holds {found[0]}." if found else None

    return Check("The image holds no shell", "Which base images have none?", trial)


def is_not_root() -> Check:
    """Ask that the image's user is neither empty nor root."""

    def trial(attempt: Attempt) -> str | None:
        return "It runs as root." if attack_surface.is_root(_user(attempt)[0]) else None

    hint = "USER takes a name or a number; distroless images have a tag for it."
    return Check("The app does not run as root", hint, trial)


def user_is_a_number() -> Check:
    """Ask that the image's user is a number, so that a cluster can see that it is not root."""

    def trial(attempt: Attempt) -> str | None:
        user = _user(attempt)[0]
        return None if user.isdecimal() else f"It is {user or 'not set'}."

    hint = "From a name, Kubernetes cannot tell that it is not root. Which number has the user `node`?"
    return Check("The image's user is a number", hint, trial)


def cannot_change_itself(folder: str) -> Check:
    """Ask that the image's user may write to nothing below a folder, by owner and mode."""

    def trial(attempt: Attempt) -> str | None:
        user, group = _user(attempt)
        uid = int(user) if user.isdecimal() else _UID.get(user, 0)
        gid = int(group) if group.isdecimal() else uid
        files = attempt.result.image.files
        inside = (file for file in files if f"{file.path}/".startswith(f"{folder}/"))
        found = attack_surface.changeable(inside, uid, gid)
        others = f" and {len(found) - 1} paths more" if len(found) > 1 else ""
        return f"It may write {found[-1]}{others}." if found else None

    hint = "Whoever is the user when a file is made, or is named by --chown, owns it."
    clues = {f"write {folder}.": "WORKDIR makes the folder for the user of that moment."}
    return Check(f"The app may write nothing in {folder}", hint, trial, clues)


_UID = {"": 0, "root": 0, "node": 1000, "nonroot": 65532}  # users of the base images by name


def _user(attempt: Attempt) -> tuple[str, str]:
    """Return the user and the group that the image sets, as they are written."""
    written = attempt.result.image.config.get("User", "")
    user, _, group = written.partition(":")
    return user, group
