"""What an inventory reads in a program: the version of Node, and a table of symbols."""

import struct
import subprocess
import sys
from pathlib import Path

import pytest

from helpers.image import inventory


@pytest.mark.parametrize(
    ("content", "version"),
    [
        (b"\0node.js/v20.18.0\0", "20.18.0"),
        (b"\0node.js/v20.18\0", None),
        (b"https://nodejs.org/download/release/v20.18.0/", None),
        (b"UPX!" + bytes(100), None),
    ],
)
def test_the_version_of_node_is_found_by_syfts_rule_and_by_nothing_else(content, version):
    assert inventory.node_version(content) == version


def elf(*section_types: int) -> bytes:
    """Make a 64-bit ELF file that has nothing but headers of sections."""
    header = bytearray(64)
    header[:6] = b"\x7fELF\x02\x01"
    struct.pack_into("<Q", header, 0x28, 64)
    struct.pack_into("<HH", header, 0x3A, 64, len(section_types))
    return bytes(header) + b"".join(struct.pack("<II56x", 0, kind) for kind in section_types)


@pytest.mark.parametrize(
    ("program", "has"),
    [
        (elf(0, 1, 2, 3), True),
        (elf(0, 1, 11, 3), False),  # 11 is the table for linking, which strip leaves
        (elf(), False),
        (elf(0, 1, 2)[:100], False),
        (b"#!/bin/sh\n", False),
        (b"", False),
    ],
)
def test_symbols_are_those_of_a_symbol_table_not_those_for_linking(program, has):
    assert inventory.has_symbols(program) is has


def test_a_real_program_has_its_symbols_until_it_is_stripped(tmp_path):
    source, program = tmp_path / "a.c", tmp_path / "a"
    source.write_text("int main(void) { return 0; }\n")
    subprocess.run(["cc", "-o", program, source], check=True)
    assert inventory.has_symbols(program.read_bytes())
    subprocess.run(["strip", program], check=True)
    assert not inventory.has_symbols(program.read_bytes())


def test_a_real_program_of_this_system_can_be_read():
    program = Path(sys.executable).resolve().read_bytes()
    assert inventory.node_version(program) is None
    assert inventory.has_symbols(program) in (True, False)
