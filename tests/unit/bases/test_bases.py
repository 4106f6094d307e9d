"""Which image a build uses for a name: the real one, a pulled one, or a stand-in."""

from __future__ import annotations

import dataclasses
import json
import types
from pathlib import Path

import pytest

from helpers import bases
from helpers.bases import Base, BaseError, Source, host_settings, image_writer, npm_registry, standins
from helpers.bases.bases import _node_version
from helpers.bases.host_settings import HostSettings
from helpers.engine import pull
from helpers.engine.pull import UnreachableError
from helpers.host.errors import WorkbookError

DISTROLESS = "gcr.io/distroless/nodejs20-debian12"
COMPANY = HostSettings(b"certificates", ())


class FakeImage:
    def __init__(self, labels=None, environment=()):
        self.id = "sha256:real"
        self.labels = labels or {}
        self.attrs = {"Config": {"Env": list(environment)}}


class FakeEngine:
    """An engine with some images, and a registry that answers as told."""

    architecture = "amd64"
    numbers = iter(range(1_000))

    def __init__(self, images=None, answer=None, pulls=(), cut=()):
        from docker.errors import ImageNotFound

        self.there = dict(images or {})
        self.asked = []
        self.pulled = []
        self.loaded = []
        self._missing = ImageNotFound
        self._answer = answer
        self._pulls = set(pulls)
        self._cut = set(cut)
        api = types.SimpleNamespace(
            base_url=f"fake://{next(self.numbers)}", inspect_distribution=self._ask
        )
        self.client = types.SimpleNamespace(api=api, images=types.SimpleNamespace(get=self._get))

    def _get(self, name):
        if name not in self.there:
            raise self._missing("No such image")
        return self.there[name]

    def _ask(self, name):
        self.asked.append(name)
        if self._answer:
            raise RuntimeError(self._answer)

    def pull(self, name):
        self.pulled.append(name)
        if name in self._cut:
            return iter([{"error": "read tcp 10.0.0.1:443: connection reset by peer"}])
        if name in self._pulls:
            self.there[name] = FakeImage(environment=["NODE_VERSION=20.19.3"])
            return iter([{"status": "Pulling from library/node"}])
        return iter([{"error": f"manifest for {name} not found: manifest unknown"}])


OFFLINE = "Get https://registry/v2/: dial tcp: lookup registry: no such host"


@pytest.fixture(autouse=True)
def surroundings(monkeypatch, tmp_path):
    """No settings of this host, a state folder of its own, and layers that cost nothing."""
    monkeypatch.setenv("WORKBOOK_STATE", str(tmp_path))
    monkeypatch.delenv("WORKBOOK_STANDINS", raising=False)
    monkeypatch.setattr(host_settings, "read", lambda: host_settings.NOTHING)
    monkeypatch.setattr(npm_registry, "address", lambda _engine: None)
    monkeypatch.setattr(image_writer, "layers_of", lambda _part, _workshop: [])
    monkeypatch.setattr(image_writer, "load", _load)
    monkeypatch.setattr(pull, "_events", lambda name, engine: engine.pull(name))


def _load(engine, tag, _layers, settings, _check):
    engine.loaded.append(tag)
    engine.there[tag] = FakeImage(labels=dict(settings.labels))


def test_an_image_that_is_there_is_used_under_its_own_name():
    engine = FakeEngine({"node:20": FakeImage(environment=["NODE_VERSION=20.19.3"])})
    (base,) = bases.resolve(["node:20"], engine)
    assert base == Base("node:20", Source.PRESENT, "node:20", "20.19.3")
    assert base.arguments() == []
    assert engine.asked == []


def test_an_image_that_is_not_there_is_pulled():
    engine = FakeEngine(pulls=["node:20"])
    (base,) = bases.resolve(["node:20"], engine)
    assert base.source is Source.PULLED
    assert base.arguments() == []
    assert base.note == "node:20, pulled"


def test_a_stand_in_is_made_where_the_registry_cannot_be_reached():
    engine = FakeEngine(answer=OFFLINE)
    (base,) = bases.resolve(["node:20"], engine)
    assert base.source is Source.STAND_IN
    assert engine.loaded == [base.reference]
    assert base.arguments() == ["--build-context", f"node:20=docker-image://{base.reference}"]
    assert base.note == "node:20, stand-in with Node 20.18.0"


def test_no_stand_in_bears_an_official_name():
    engine = FakeEngine(answer=OFFLINE)
    for base in bases.prepare(engine):
        assert base.reference.startswith("localhost/workbook-standin/")
    assert not set(engine.there) & set(bases.ARTICLE)


def test_a_stand_in_is_made_once_and_asks_no_registry_afterwards():
    engine = FakeEngine(answer=OFFLINE)
    first = bases.prepare(engine)
    engine.asked.clear()
    engine.loaded.clear()
    assert bases.prepare(engine) == first
    assert (engine.asked, engine.loaded) == ([], [])


def test_a_stand_in_of_another_recipe_is_made_again():
    tag = standins.recipe("node:20", "amd64").tag
    engine = FakeEngine({tag: FakeImage({standins.KEY_LABEL: "of yesterday"})}, answer=OFFLINE)
    bases.resolve(["node:20"], engine)
    assert engine.loaded == [tag]


def test_order_stays_duplicates_go_and_scratch_needs_nothing():
    engine = FakeEngine(answer=OFFLINE)
    names = ["node:20-alpine", "scratch", "node:20", "node:20-alpine"]
    assert [base.name for base in bases.resolve(names, engine)] == ["node:20-alpine", "node:20"]


@pytest.mark.parametrize("how", ["argument", "variable"])
def test_an_unreachable_registry_with_stand_ins_off_is_one_clear_error(how, monkeypatch):
    if how == "variable":
        monkeypatch.setenv("WORKBOOK_STANDINS", "off")
    with pytest.raises(BaseError, match=r"node:20 is not in the engine.*switched off"):
        bases.resolve(["node:20"], FakeEngine(answer=OFFLINE), stand_ins=how == "variable")


def test_stand_ins_off_uses_none_that_is_there(monkeypatch):
    engine = FakeEngine(answer=OFFLINE)
    bases.resolve(["node:20"], engine)
    monkeypatch.setenv("WORKBOOK_STANDINS", "off")
    with pytest.raises(BaseError):
        bases.resolve(["node:20"], engine)


def test_stand_ins_only_asks_no_registry_and_passes_over_the_real_image(monkeypatch):
    monkeypatch.setenv("WORKBOOK_STANDINS", "only")
    engine = FakeEngine({"node:20": FakeImage()}, pulls=["node:20"])
    (base,) = bases.resolve(["node:20"], engine)
    assert base.source is Source.STAND_IN
    assert (engine.asked, engine.pulled) == ([], [])


def test_an_unknown_wish_for_stand_ins_is_refused(monkeypatch):
    monkeypatch.setenv("WORKBOOK_STANDINS", "perhaps")
    with pytest.raises(BaseError, match="on, off or only"):
        bases.resolve(["node:20"], FakeEngine())


def test_a_base_without_a_recipe_is_named():
    with pytest.raises(BaseError, match=r"python:3\.12 .* no recipe"):
        bases.resolve(["python:3.12"], FakeEngine(answer=OFFLINE))


def test_a_base_without_a_recipe_comes_with_the_nearest_that_have_one():
    with pytest.raises(BaseError, match=r"name one that has a recipe \(node:24-alpine, node:22-alpine"):
        bases.resolve(["node:26-alpine"], FakeEngine(answer=OFFLINE))


def test_a_name_that_the_registry_does_not_have_is_no_reason_for_a_stand_in():
    engine = FakeEngine(answer="manifest unknown")
    with pytest.raises(WorkbookError, match="no image node:20"):
        bases.resolve(["node:20"], engine)
    assert engine.loaded == []


def test_one_failure_ends_the_whole_preparation():
    engine = FakeEngine(answer=OFFLINE)
    with pytest.raises(BaseError, match=r"python:3\.12"):
        bases.prepare(engine, ["node:20", "python:3.12"])


def test_a_registry_that_is_lost_in_the_middle_of_a_pull_means_a_stand_in():
    engine = FakeEngine(cut=["node:20"])
    (base,) = bases.resolve(["node:20"], engine)
    assert base.source is Source.STAND_IN
    assert engine.pulled == ["node:20"]


@pytest.mark.parametrize("name", ["node:20", "python:3.12"])
def test_where_no_stand_in_may_take_its_place_a_cut_pull_is_said(name, monkeypatch):
    monkeypatch.setenv("WORKBOOK_STANDINS", "off" if name == "node:20" else "on")
    with pytest.raises(UnreachableError, match=f"cannot be reached to pull {name}"):
        bases.resolve([name], FakeEngine(cut=[name]))


def test_progress_is_told():
    told = []
    bases.prepare(FakeEngine(answer=OFFLINE), ["node:20"], lambda *words: told.append(words))
    assert told == [
        ("node:20", "asking the registry"),
        ("node:20", "making a stand-in"),
        ("node:20", "loading the stand-in"),
        ("node:20", "node:20, stand-in with Node 20.18.0"),
    ]


def test_looking_changes_nothing():
    engine = FakeEngine(pulls=["node:20"])
    assert bases.find("node:20", engine) is None
    assert (engine.asked, engine.pulled, engine.loaded) == ([], [], [])


def test_a_real_base_with_npm_gets_the_hosts_settings_laid_over(monkeypatch):
    monkeypatch.setattr(host_settings, "read", lambda: COMPANY)
    monkeypatch.setattr(host_settings, "make_overlay", _overlay)
    engine = FakeEngine({"node:20": FakeImage(), DISTROLESS: FakeImage()})
    node, distroless = bases.resolve(["node:20", DISTROLESS], engine)
    assert node.reference == "localhost/workbook-ca/node:20"
    assert node.note == "node:20, here already, with this host's CA bundle"
    assert distroless.reference == DISTROLESS
    assert distroless.node == "20"
    assert bases.find("node:20", engine) == node


def _overlay(name, image_id, host, engine, _workshop):
    key = host_settings.overlay_key(image_id, host)
    engine.there[host_settings.overlay_tag(name)] = FakeImage({host_settings.KEY_LABEL: key})


@pytest.fixture
def shelf(monkeypatch):
    """A kit was loaded: its shelf stands in the engine's network."""
    monkeypatch.setattr(npm_registry, "address", lambda _engine: "10.0.0.2")
    monkeypatch.setattr(host_settings, "read", lambda: COMPANY)
    monkeypatch.setattr(host_settings, "make_overlay", _overlay_of_the_kit)


def _overlay_of_the_kit(name, image_id, host, engine, workshop):
    assert host == npm_registry.SETTINGS
    _overlay(name, image_id, host, engine, workshop)


def test_with_a_kit_loaded_builds_are_told_where_its_npm_packages_are(shelf):
    engine = FakeEngine({"node:20": FakeImage(), DISTROLESS: FakeImage()})
    node, distroless = bases.resolve(["node:20", DISTROLESS], engine)
    assert node.note == "node:20, here already, with the kit's npm registry"
    assert node.arguments() == [
        *("--build-context", "node:20=docker-image://localhost/workbook-ca/node:20"),
        *("--add-host", "workbook-npm-registry:10.0.0.2"),
    ]
    assert distroless.arguments() == []
    republished = dataclasses.replace(
        node, name="127.0.0.1:5000/node:20", reference="127.0.0.1:5000/node:20"
    )
    assert republished.arguments() == ["--add-host", "workbook-npm-registry:10.0.0.2"]


def test_with_a_kit_loaded_its_stand_ins_count_whatever_this_host_has_set(shelf):
    recipe = standins.recipe("node:20", "amd64", npm_registry.SETTINGS)
    engine = FakeEngine({recipe.tag: FakeImage(labels=dict(recipe.settings.labels))}, OFFLINE)
    (base,) = bases.resolve(["node:20"], engine)
    assert (base.source, base.npm_address) == (Source.STAND_IN, "10.0.0.2")
    assert (engine.asked, engine.loaded) == ([], [])


def test_an_overlay_of_another_image_is_not_used(monkeypatch):
    monkeypatch.setattr(host_settings, "read", lambda: COMPANY)
    old = FakeImage({host_settings.KEY_LABEL: host_settings.overlay_key("sha256:older", COMPANY)})
    engine = FakeEngine({"node:20": FakeImage(), host_settings.overlay_tag("node:20"): old})
    assert bases.find("node:20", engine) is None


def test_whether_a_registry_answers_can_be_asked_alone():
    assert bases.registry_reachable("node:20", FakeEngine())
    assert not bases.registry_reachable("node:20", FakeEngine(answer=OFFLINE))
    assert pull.PROBE_SECONDS <= 5


def test_the_version_of_node_is_read_from_what_docker_29_says_of_an_image():
    said = json.loads((Path(__file__).parents[1] / "image/engine29.json").read_text())
    assert _node_version("node:lts", said["inspect"]) == "20.18.0"
