"""What the names, modes and owners of an image's files say of its attack surface."""

import pytest

from helpers.image import attack_surface
from helpers.image.filesystem import File, Files


@pytest.mark.parametrize("user", ["", "root", "root:node", "0", "00", "0:1000", ":1000"])
def test_a_user_is_root_whatever_its_group(user):
    assert attack_surface.is_root(user)


@pytest.mark.parametrize("user", ["node", "1000", "1000:0", "1000:root", "10", "nonroot"])
def test_a_user_is_not_root_for_its_group(user):
    assert not attack_surface.is_root(user)


def file(path, kind="file", mode=0o755, uid=0, gid=0, target=""):
    return File(path, kind, 10 if kind == "file" else 0, 0, mode, uid, gid, target)


def link(path, target):
    return file(path, "symlink", 0o777, target=target)


def tree(*files):
    return Files(tuple(sorted(files, key=lambda entry: entry.path)))


def test_every_link_to_busybox_is_a_command_and_the_file_itself_too():
    found = attack_surface.commands(
        tree(
            file("/bin/busybox"),
            link("/bin/sh", "/bin/busybox"),
            link("/usr/sbin/fdisk", "../../bin/busybox"),
        )
    )
    assert found == ["/bin/busybox", "/bin/sh", "/usr/sbin/fdisk"]


def test_what_cannot_be_executed_is_no_command():
    files = tree(
        file("/usr/bin/readme", mode=0o644),
        link("/usr/bin/gone", "/nowhere"),
        file("/usr/bin", "directory"),
        file("/usr/lib/libc.so", mode=0o755),
        link("/bin/loop", "/bin/loop"),
    )
    assert attack_surface.commands(files) == []


def test_scripts_of_npm_packages_are_no_commands_but_npm_itself_is():
    files = tree(
        file("/app/node_modules/typescript/bin/tsc"),
        file("/usr/local/lib/node_modules/npm/bin/npm-cli.js"),
        link("/usr/local/bin/npm", "../lib/node_modules/npm/bin/npm-cli.js"),
        file("/nodejs/bin/node"),
    )
    assert attack_surface.commands(files) == ["/nodejs/bin/node", "/usr/local/bin/npm"]


def test_a_command_is_found_through_linked_folders_and_hard_links():
    files = tree(
        link("/bin", "usr/bin"),
        file("/usr/bin/perl"),
        file("/usr/bin/perl5.36", "hardlink", target="/usr/bin/perl"),
        link("/usr/bin/awk", "/etc/alternatives/awk"),
        link("/etc/alternatives/awk", "/bin/mawk"),
        file("/usr/bin/mawk"),
    )
    assert attack_surface.commands(files) == [
        "/usr/bin/awk",
        "/usr/bin/mawk",
        "/usr/bin/perl",
        "/usr/bin/perl5.36",
    ]


def test_a_link_that_climbs_above_the_root_stays_in_the_image():
    assert (
        attack_surface.resolve(tree(link("/bin/x", "../../../etc/x"), file("/etc/x")), "/bin/x").path
        == "/etc/x"
    )


def test_apk_below_sbin_is_a_package_manager():
    assert attack_surface.package_managers(tree(file("/sbin/apk"))) == ["/sbin/apk"]
    assert attack_surface.package_managers(tree(file("/usr/local/bin/pip3"))) == ["/usr/local/bin/pip3"]


def test_compilers_are_found_by_name_wherever_they_lie():
    found = tree(link("/usr/bin/cc", "gcc-14"), file("/usr/local/go/bin/go"), file("/usr/bin/goto"))
    assert attack_surface.compilers(found) == ["/usr/bin/cc", "/usr/local/go/bin/go"]


def test_setuid_and_setgid_programs_are_found_and_folders_are_none():
    files = tree(
        file("/usr/bin/su", mode=0o4755),
        file("/usr/bin/ssh-agent", mode=0o2755),
        file("/var/mail", "directory", mode=0o2775),
        file("/usr/bin/ls"),
        file("/etc/notes", mode=0o4644),
    )
    assert attack_surface.setuid(files) == ["/usr/bin/ssh-agent", "/usr/bin/su"]


def test_world_writable_paths_are_files_and_folders_and_no_links():
    files = tree(
        file("/scratch", "directory", mode=0o1777),
        file("/app/open", mode=0o666),
        file("/app/shut", mode=0o664),
        link("/bin/sh", "/bin/busybox"),
    )
    assert attack_surface.world_writable(files) == ["/app/open", "/scratch"]


OWNED = tree(
    file("/app/index.js", mode=0o644),
    file("/app/shared", mode=0o664, gid=1000),
    file("/home/node", "directory", mode=0o700, uid=1000, gid=1000),
    file("/home/node/odd", mode=0o466, uid=1000, gid=1000),
    file("/scratch", "directory", mode=0o1777),
)


@pytest.mark.parametrize(
    ("uid", "gid", "paths"),
    [
        (0, 0, ["/app/index.js", "/app/shared", "/home/node", "/home/node/odd", "/scratch"]),
        (1000, 1000, ["/app/shared", "/home/node", "/scratch"]),
        (65532, 65532, ["/home/node/odd", "/scratch"]),
    ],
)
def test_the_first_class_that_fits_a_user_decides_and_root_may_write_everything(uid, gid, paths):
    assert attack_surface.changeable(OWNED, uid, gid) == paths
