"""What is read off an image's files before anybody gets into its container."""

from helpers.measure import stages


def test_the_c_library_is_told_by_its_loader():
    assert stages.c_library(["/lib/ld-musl-x86_64.so.1", "/bin/sh"]) == "musl"
    assert stages.c_library(["/lib64/ld-linux-x86-64.so.2"]) == "glibc"
    assert stages.c_library(["/bin/busybox"]) == "none"
