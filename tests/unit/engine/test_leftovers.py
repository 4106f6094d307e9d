"""Which images go when a build has taken their name, by what Docker 29 says of them."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace

import pytest
from docker.errors import ImageNotFound
from docker.models.images import Image

from helpers.engine import leftovers

SAID = json.loads((Path(__file__).parents[1] / "image/engine29.json").read_text())["inspect"]


class Images:
    """The images of an engine, as Docker 29 tells of them."""

    def __init__(self) -> None:
        self.by_id: dict[str, dict] = {}
        self.removed: list[str] = []

    def add(self, name: str, label: str, moment: str, *, tags: bool) -> None:
        config = SAID["Config"] | {"Labels": {"workbook": label}}
        told = SAID | {"Id": name, "Config": config, "Metadata": {"LastTagTime": moment}}
        self.by_id[name] = told | {"RepoTags": SAID["RepoTags"] if tags else []}

    def get(self, name: str) -> Image:
        if name not in self.by_id:
            raise ImageNotFound("no such image")
        return Image(attrs=self.by_id[name])

    def remove(self, name: str) -> None:
        del self.by_id[name]
        self.removed.append(name)


@pytest.fixture
def images(monkeypatch) -> Images:
    monkeypatch.setattr(leftovers, "_made", {})
    monkeypatch.setattr(leftovers, "_seen", {})
    return Images()


def clear(images: Images, made: str, before: str | None) -> list[str]:
    def dangling(filters):
        return [{"Id": name} for name, told in images.by_id.items() if not told["RepoTags"]]

    api = SimpleNamespace(images=dangling)
    leftovers.clear(made, before, SimpleNamespace(client=SimpleNamespace(images=images, api=api)))
    return images.removed


def test_the_moment_of_the_name_is_read():
    moment = leftovers._built(SAID)
    assert datetime.fromisoformat(moment).date().isoformat() == "2026-11-29"


def test_what_lost_its_name_a_day_ago_goes_and_nothing_else_does(images):
    old, now = SAID["Metadata"]["LastTagTime"].replace("2026", "2025"), datetime.now(UTC).isoformat()
    images.add("sha256:new", "build", now, tags=True)
    images.add("sha256:old", "build", old, tags=False)
    images.add("sha256:young", "build", now, tags=False)
    images.add("sha256:theirs", "another", old, tags=False)
    images.add("sha256:named", "build", old, tags=True)
    assert clear(images, "sha256:new", "sha256:named") == ["sha256:old"]


def test_what_this_process_made_goes_as_soon_as_its_name_is_taken(images):
    now = datetime.now(UTC).isoformat()
    images.add("sha256:first", "build", now, tags=True)
    assert clear(images, "sha256:first", None) == []
    images.by_id["sha256:first"]["RepoTags"] = []
    images.add("sha256:second", "build", now, tags=True)
    assert clear(images, "sha256:second", "sha256:first") == ["sha256:first"]
