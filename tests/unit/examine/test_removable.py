"""Which files a final stage would not need, as far as text and names tell."""

from __future__ import annotations

import pytest

from helpers.examine import removable

APK = """\
P:gcc
F:usr/bin
R:gcc
R:cpp
F:usr/lib/gcc
R:cc1

P:musl
F:lib
R:libc.musl-x86_64.so.1

P:openssl-dev
F:usr/include/openssl
R:ssl.h
"""


def test_apks_record_gives_the_paths_of_packages_for_building():
    assert removable.alpine_paths(APK) == {
        "/bin/gcc",
        "/bin/cpp",
        "/lib/gcc/cc1",
        "/include/openssl/ssl.h",
    }


@pytest.mark.parametrize(
    ("path", "place"),
    [
        ("/root/.npm/_cacache/x", "/root/.npm/"),
        ("/var/lib/apt/lists/x", "/var/lib/apt/lists/"),
        ("/root/.cache/pip/http/x", "/root/.cache/pip/"),
        ("/root/.cache/ms-playwright/chrome", None),
        ("/root/.cache/huggingface/model", None),
        ("/app/.npm/x", None),
    ],
)
def test_a_cache_is_what_a_package_manager_can_fetch_again(path, place):
    found = removable._CACHES.match(path)
    assert (found and found[0]) == place


@pytest.mark.parametrize(
    ("path", "place"),
    [
        ("/app/tests/a.py", "/app/tests/"),
        ("/app/src/__tests__/x/a.ts", "/app/src/__tests__/"),
        ("/app/docs/manual/a.md", "/app/docs/"),
        ("/app/docs/index.html", None),
        ("/app/latest/a", None),
    ],
)
def test_tests_and_documentation_are_told_by_their_folders(path, place):
    found = removable._TESTS.match(path)
    assert (found and found[0]) == place
