"""Bills of materials: valid CycloneDX, with package URLs that scanners understand."""

import json

import pytest

from helpers.host.errors import WorkbookError
from helpers.image import sbom
from helpers.image.npm_packages import NpmPackage, Role
from helpers.image.os_packages import STAND_IN, Inventory, OsPackage

LIBC = OsPackage("libc6", "2.36-9+deb12u10", "amd64", "glibc")
MUSL = OsPackage("musl", "1.2.5-r1", "x86_64", "musl")
DEBIAN = Inventory("dpkg", "debian", "12", (LIBC,))
ALPINE = Inventory("apk", "alpine", "3.20.3", (MUSL,))
NPM = [
    NpmPackage("express", "5.1.0", "/app/node_modules/express", Role.PRODUCTION),
    NpmPackage("@types/node", "24.1.0", "/app/node_modules/@types/node", Role.DEVELOPMENT),
    NpmPackage("semver", "7.6.0", "/app/node_modules/a/node_modules/semver", Role.DEVELOPMENT),
    NpmPackage("semver", "7.6.0", "/usr/local/lib/node_modules/npm/node_modules/semver", Role.TOOL),
    NpmPackage("semver", "6.3.1", "/app/node_modules/semver", Role.PRODUCTION),
]


def made(inventory, npm=()):
    return json.loads(sbom.make("naive", "sha256:" + "a" * 64, "20.18.0", inventory, npm))


def urls(document):
    return {part["purl"] for part in document["components"]}


def test_each_package_has_the_url_of_its_kind():
    assert urls(made(DEBIAN, NPM[:2])) == {
        "pkg:generic/node@20.18.0",
        "pkg:deb/debian/libc6@2.36-9%2Bdeb12u10?arch=amd64&distro=debian-12",
        "pkg:npm/express@5.1.0",
        "pkg:npm/%40types/node@24.1.0",
    }
    assert "pkg:apk/alpine/musl@1.2.5-r1?arch=x86_64&distro=alpine-3.20.3" in urls(made(ALPINE))


def test_debians_packages_in_a_stand_in_for_alpine_are_called_debians():
    inventory = Inventory(
        "dpkg status.d", STAND_IN, "", (OsPackage("musl", "1.2.5-1", "amd64", "musl"),)
    )
    assert "pkg:deb/debian/musl@1.2.5-1?arch=amd64" in urls(made(inventory))


def test_a_package_in_several_places_is_one_component_and_needed_if_anything_needs_it():
    parts = {part["purl"]: part for part in made(DEBIAN, NPM)["components"]}
    assert len(parts) == 6
    flags = [{"name": "cdx:npm:package:development", "value": "true"}]
    assert parts["pkg:npm/%40types/node@24.1.0"]["properties"] == flags
    assert "properties" not in parts["pkg:npm/semver@7.6.0"]
    assert "properties" not in parts["pkg:npm/semver@6.3.1"]


def test_the_bill_names_its_image_and_everything_that_the_image_holds():
    document = made(DEBIAN, NPM)
    image = document["metadata"]["component"]
    assert (image["type"], image["name"], image["version"]) == (
        "container",
        "naive",
        "sha256:" + "a" * 64,
    )
    holds = {entry["ref"]: entry.get("dependsOn", []) for entry in document["dependencies"]}
    assert set(holds[image["bom-ref"]]) == {part["bom-ref"] for part in document["components"]}
    assert document["specVersion"] == "1.6"


def test_kinds_are_counted_by_the_url():
    text = sbom.make("naive", "sha256:1", "20.18.0", DEBIAN, NPM)
    assert sbom.kinds(text) == {"deb": 1, "generic": 1, "npm": 4}


def test_an_image_without_any_package_still_has_a_valid_bill():
    assert urls(made(Inventory("none", "", "", ()))) == {"pkg:generic/node@20.18.0"}


@pytest.mark.parametrize(
    "document",
    [
        "no json",
        "{}",
        '{"bomFormat": "CycloneDX", "specVersion": "1.6", "version": "one"}',
        '{"bomFormat": "CycloneDX", "specVersion": "1.6", "components": [{"type": "spoon", "name": "x"}]}',
        '{"bomFormat": "CycloneDX", "specVersion": "1.6", "surprise": 1}',
    ],
)
def test_what_is_no_bill_is_refused(document):
    with pytest.raises(WorkbookError):
        sbom.validate(document)


def test_a_bill_is_written_into_a_folder_made_for_it(tmp_path):
    file = sbom.write("{}", tmp_path / "new" / "naive.cdx.json")
    assert file.read_text() == "{}\n"
