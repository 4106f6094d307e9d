"""Remove our images that nobody needs any longer: images without a name, and images of a release.

A notebook reads the image of a build by its id, even when another notebook has since taken its name.
So a process removes at once only what it made itself and nobody else has built since. The images of
other processes are removed when they are a day old. An image with a name or a container stays. The
images of a release are removed when the process that built them ends, or by a later one if it was
killed. So two lessons on one engine never remove each other's images.
"""

from __future__ import annotations

import contextlib
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from helpers.engine import container
from helpers.engine.engine import LABEL

if TYPE_CHECKING:
    from helpers.engine.engine import Engine

_LOOKED_AT = timedelta(days=1)
_VALUE = "build"
_made: dict[str, str] = {}  # images that this process made, and when they were given their name
_seen: dict[str, str] = {}  # images that lost their name to others, too young to go when asked about


def clear(made: str, before: str | None, engine: Engine) -> None:
    """Remove the images that have no name any more, now that ``made`` has taken that of ``before``."""
    import requests
    from docker.errors import DockerException

    with contextlib.suppress(DockerException, requests.RequestException):
        if made != before or made in _made:
            _made[made] = _built(engine.client.images.get(made).attrs)
        if before and before != made:
            _remove_nameless(before, engine, own=True)
        for image in engine.client.api.images(filters={"dangling": True, "label": f"{LABEL}={_VALUE}"}):
            image_id = image["Id"]
            if image_id not in _seen or _long_ago(_seen[image_id]):
                _remove_nameless(image_id, engine, own=False)


def _remove_nameless(image_id: str, engine: Engine, *, own: bool) -> None:
    from docker.errors import APIError

    with contextlib.suppress(APIError):
        image = engine.client.images.get(image_id)
        if image.tags or image.labels.get(LABEL) != _VALUE:
            return
        built = _built(image.attrs)
        if (own and _made.get(image_id) == built) or _long_ago(built):
            engine.client.images.remove(image_id)
            _made.pop(image_id, None)
            _seen.pop(image_id, None)
        else:
            _seen[image_id] = built


def _built(attributes: dict[str, Any]) -> str:
    return str((attributes.get("Metadata") or {}).get("LastTagTime"))


def _long_ago(moment: str) -> bool:
    try:
        return datetime.now(UTC) - datetime.fromisoformat(moment) > _LOOKED_AT
    except (ValueError, TypeError):
        return False


def remove(image: str, engine: Engine) -> None:
    """Remove a name of an image, and the image if it has no other name; a missing name is no error."""
    import requests
    from docker.errors import DockerException

    with contextlib.suppress(DockerException, requests.RequestException):
        engine.client.images.remove(image, force=True)


def remove_nameless(image: str, engine: Engine) -> None:
    """Remove an image by its id, unless it has a name or a container."""
    import requests
    from docker.errors import DockerException

    with contextlib.suppress(DockerException, requests.RequestException):
        if not engine.client.images.get(image).tags:
            engine.client.images.remove(image)


def sweep(engine: Engine) -> None:
    """Remove images of releases whose owner, a process of this machine, is gone."""
    for image in engine.client.images.list(filters={"label": container.OWNER_LABEL}):
        if container.is_gone(image.labels[container.OWNER_LABEL]):
            remove(str(image.id), engine)
