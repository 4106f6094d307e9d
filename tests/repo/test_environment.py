"""The three lists of dependencies agree: pyproject.toml, environment.yml, requirements.lock."""

import json
import re
import tomllib

import yaml

from helpers.host import paths

PROJECT = tomllib.loads((paths.ROOT / "pyproject.toml").read_text())["project"]


def conda_dependencies() -> set[str]:
    listed = yaml.safe_load((paths.ROOT / "environment.yml").read_text())["dependencies"]
    names = {entry for entry in listed if isinstance(entry, str)}
    for entry in listed:
        if isinstance(entry, dict):
            names |= set(entry["pip"])
    return names - {"pip"}


def test_environment_yml_lists_what_pyproject_lists():
    wanted = set(PROJECT["dependencies"]) | {f"python{PROJECT['requires-python']}"}
    assert conda_dependencies() == wanted


def test_the_lock_pins_each_dependency_with_hashes_and_no_address():
    lock = (paths.ROOT / "requirements.lock").read_text()
    listed = PROJECT["dependencies"] + PROJECT["optional-dependencies"]["dev"]
    for requirement in listed:
        name = re.split(r"[<>=;\s]", requirement)[0]
        assert re.search(rf"^{re.escape(name)}==\S+.*\\\n    --hash=sha256:", lock, re.M), name
    assert "://" not in lock


def test_every_package_for_npm_is_locked_with_its_integrity_and_no_address():
    locks = [
        *paths.SAMPLE_APP.glob("package-lock.json"),
        *paths.ROOT.glob("helpers/**/package-lock.json"),
    ]
    assert len(locks) > 1
    for lock in locks:
        packages = json.loads(lock.read_text())["packages"]
        for name, entry in packages.items():
            if name and not entry.get("link"):
                assert entry.get("integrity", "").startswith("sha512-"), f"{lock}: {name}"
                assert "resolved" not in entry, f"{lock}: {name}"
