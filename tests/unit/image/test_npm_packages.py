"""Which npm packages an image holds, and what they are there for."""

import json

import pytest

from helpers.image import npm_packages
from helpers.image.npm_packages import Role
from tests.unit.image.stored import StoredImage

RECORD = {
    "packages": {
        "node_modules/express": {"version": "5.1.0"},
        "node_modules/typescript": {"version": "5.9.0", "dev": True},
    }
}
NPM = "/usr/local/lib/node_modules/npm"
TEXTS = {
    "/app/node_modules/.package-lock.json": json.dumps(RECORD),
    "/app/node_modules/express/package.json": '{"name": "express", "version": "5.1.0"}',
    "/app/node_modules/typescript/package.json": '{"name": "typescript", "version": "5.9.0"}',
    "/app/package.json": '{"name": "mine"}',
    f"{NPM}/package.json": '{"name": "npm", "version": "10.8.2"}',
    f"{NPM}/node_modules/@npmcli/arborist/package.json": '{"name": "@npmcli/arborist", "version": "8"}',
    f"{NPM}/node_modules/broken/package.json": "not json",
    f"{NPM}/node_modules/broken/test/fixtures/package.json": "{}",
}


@pytest.fixture
def stored():
    return StoredImage({path: text.encode() for path, text in TEXTS.items()})


def test_packages_of_the_app_and_of_npm_are_told_apart(stored):
    found = {package.name: package for package in npm_packages.read(stored)}
    assert {name: package.role for name, package in found.items()} == {
        "express": Role.PRODUCTION,
        "typescript": Role.DEVELOPMENT,
        "npm": Role.TOOL,
        "@npmcli/arborist": Role.TOOL,
        "broken": Role.TOOL,
    }
    assert found["npm"].version == "10.8.2"
    assert found["broken"].version == ""


def test_without_npms_record_the_apps_packages_still_count(stored):
    del stored.texts["/app/node_modules/.package-lock.json"]
    roles = {package.name: package.role for package in npm_packages.read(stored)}
    assert roles["express"] is roles["typescript"] is Role.PRODUCTION


def test_the_apps_own_package_json_and_fixtures_inside_packages_are_no_packages():
    found = npm_packages.package_files(TEXTS)
    assert "/app/package.json" not in found
    assert f"{NPM}/node_modules/broken/test/fixtures/package.json" not in found
    assert f"{NPM}/node_modules/@npmcli/arborist/package.json" in found


def test_a_scope_alone_is_no_package():
    assert npm_packages.package_files(["/app/node_modules/@scope/package.json"]) == []
