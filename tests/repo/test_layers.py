"""The packages of helpers/ import one way: each uses only those below it."""

from __future__ import annotations

import ast
from collections import Counter

import pytest

from helpers.host import paths

# From the top to the ground; packages in one row do not know each other.
ROWS = (
    {"lesson"},
    {"exercises"},
    {"improve"},
    {"measure", "examine"},
    {"buildx"},
    {"bases", "image"},
    {"engine", "claims"},
    {"host", "plots"},
)
LEVEL = {package: -row for row, packages in enumerate(ROWS) for package in sorted(packages)}


def imported(file) -> set[str]:
    """Return the dotted names that a file imports, those inside functions and for types as well."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names.update(alias.name for alias in node.names)
        if isinstance(node, ast.ImportFrom) and node.module:
            names.update(f"{node.module}.{alias.name}" for alias in node.names)
    return names


def test_the_folder_holds_these_packages_and_no_module_beside_them():
    helpers = paths.ROOT / "helpers"
    assert {file.name for file in helpers.glob("*.py")} == {"__init__.py", "__main__.py"}
    assert {file.parent.name for file in helpers.glob("*/__init__.py")} == set(LEVEL)


@pytest.mark.parametrize("package", LEVEL)
def test_a_package_imports_only_packages_below_it(package):
    wrong = []
    for file in sorted((paths.ROOT / "helpers" / package).rglob("*.py")):
        for name in imported(file):
            top, _, rest = name.partition(".")
            other = rest.partition(".")[0]
            if top == "tests" or (
                top == "helpers" and other != package and LEVEL.get(other, 1) >= LEVEL[package]
            ):
                wrong.append(f"{file.relative_to(paths.ROOT)} imports {name}")
    assert not wrong


@pytest.mark.parametrize("package", LEVEL)
def test_a_package_is_no_longer_than_a_list_one_can_read(package):
    modules = (paths.ROOT / "helpers" / package).rglob("*.py")
    folders = Counter(file.parent for file in modules if file.name != "__init__.py")
    assert max(folders.values()) <= 14
