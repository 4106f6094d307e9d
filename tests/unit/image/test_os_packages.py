"""Package databases of dpkg and apk, as official images have them."""

import pytest

from helpers.image import os_packages
from helpers.image.os_packages import OsPackage
from tests.unit.image.stored import StoredImage

DPKG = """\
Package: libc6
Status: install ok installed
Architecture: amd64
Source: glibc
Version: 2.36-9+deb12u10
Description: GNU C Library
 Version: not this one

Package: gcc
Status: deinstall ok config-files
Version: 12

Package: half
Status: install reinstreq half-installed
Version: 1

Package: unpacked
Status: unknown ok not-installed
Version: 1

Package: libgcc-s1
Status: hold ok installed
Architecture: amd64
Source: gcc-12 (12.2.0-14)
Version: 12.2.0-14+deb12u1
"""
APK = """\
C:Q1abc=
P:musl
V:1.2.5-r1
A:x86_64
o:musl
F:lib
R:libc.musl-x86_64.so.1

P:ssl_client
V:1.36.1-r29
A:x86_64
o:busybox
p:cmd:ssl_client=1.36.1-r29
"""
LIBC = OsPackage("libc6", "2.36-9+deb12u10", "amd64", "glibc")
LIBGCC = OsPackage("libgcc-s1", "12.2.0-14+deb12u1", "amd64", "gcc-12")


@pytest.fixture
def stored():
    return StoredImage({})


def test_only_installed_packages_of_dpkg_count_with_the_source_they_come_from():
    assert os_packages.dpkg_packages(DPKG) == [LIBC, LIBGCC]


def test_apk_names_its_packages_in_letters():
    assert os_packages.apk_packages(APK) == [
        OsPackage("musl", "1.2.5-r1", "x86_64", "musl"),
        OsPackage("ssl_client", "1.36.1-r29", "x86_64", "busybox"),
    ]


def test_a_debian_image_is_read_from_dpkgs_status(stored):
    stored.texts["/etc/os-release"] = b'ID=debian\nVERSION_ID="12"\n'
    stored.texts["/var/lib/dpkg/status"] = DPKG.encode()
    found = stored.packages
    assert (found.database, found.distribution, found.release) == ("dpkg", "debian", "12")
    assert found.packages == (LIBC, LIBGCC)
    assert found.comparable
    assert list(found.to_frame().columns) == ["package", "version", "built from"]


def test_a_distroless_image_has_a_file_a_package_and_its_checksums_are_none(stored):
    stored.texts["/var/lib/dpkg/status.d/netbase"] = (
        b"Package: netbase\nVersion: 6.4\nArchitecture: all\n"
    )
    stored.texts["/var/lib/dpkg/status.d/netbase.md5sums"] = b"Package: fake\n"
    stored.texts["/var/lib/dpkg/status.d/base"] = b"Package: base-files\nVersion: 12.4"
    found = stored.packages
    assert found.database == "dpkg status.d"
    assert [package.name for package in found.packages] == ["base-files", "netbase"]


@pytest.mark.parametrize("path", os_packages.APK)
def test_an_alpine_image_is_read_from_apks_database_old_place_or_new(stored, path):
    stored.texts[path] = APK.encode()
    stored.texts["/etc/os-release"] = b"ID=alpine\nVERSION_ID=3.20.3\n"
    found = stored.packages
    assert (found.database, len(found.packages), found.comparable) == ("apk", 2, True)


def test_the_stand_in_for_alpine_is_not_compared(stored):
    stored.texts["/etc/os-release"] = b"ID=workbook-standin\n"
    stored.texts["/var/lib/dpkg/status.d/musl"] = b"Package: musl\nVersion: 1\n"
    assert not stored.packages.comparable


def test_an_image_from_scratch_has_no_database_and_no_packages(stored):
    found = stored.packages
    assert (found.database, found.distribution, found.packages) == ("none", "", ())
