"""The commands in a RUN: shell form, JSON form, here-documents."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from helpers.buildx.dockerfile import Instruction, parse
from helpers.examine.rules import shell_commands

CASES = {
    "joined": ("RUN a b && c; d | e || f", [("a", "b"), ("c",), ("d",), ("e",), ("f",)]),
    "a subshell": ("RUN (cd x && make)", [("cd", "x"), ("make",)]),
    "settings before": ("RUN CI=1 NODE_ENV=test env A=b npm ci", [("npm", "ci")]),
    "a path": ("RUN /usr/local/bin/npm ci", [("npm", "ci")]),
    "quotes": ('RUN echo "a && b"', [("echo", "a && b")]),
    "a comment": ("RUN a # && b", [("a",)]),
    "a hash in a word": ("RUN a x#y && b", [("a", "x#y"), ("b",)]),
    "JSON": ('RUN ["npm", "ci"]', [("npm", "ci")]),
    "JSON with a shell": ('RUN ["/bin/sh", "-c", "a && b"]', [("a",), ("b",)]),
    "a shell's test": ("RUN [ -f x ] && a", [("[", "-f", "x", "]"), ("a",)]),
    "here-document": ("RUN <<E\nset -e\nif a; then b; fi\nE", [("set", "-e"), ("a",), ("b",), ("fi",)]),
    "an open quote": ("RUN a && echo it's", [("a",), ("echo",)]),
    "nothing": ("RUN", []),
}


@pytest.mark.parametrize(("text", "commands"), CASES.values(), ids=CASES)
def test_it_parts_commands_as_a_shell_does(text, commands):
    assert list(shell_commands.commands(parse(f"FROM a\n{text}\n").instructions[1])) == commands


def test_a_script_in_another_language_is_not_read_as_shell():
    run = parse("FROM a\nRUN <<E\n#!/usr/bin/env python3\nnpm = ci\nE\n").instructions[1]
    assert not shell_commands.commands(run)


@given(st.text())
def test_no_text_makes_it_fail(text):
    shell_commands.installs(Instruction("RUN", (), text, 1, 1))
