"""Which files a final stage would not need, as far as text and names tell."""

from __future__ import annotations

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
