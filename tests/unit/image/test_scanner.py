"""Reading the reports of Trivy and Grype, and saying plainly when there is none.

The reports have the fields of real ones (Trivy's schema 2, Grype 0.110), cut down to what matters here.
"""

import json
import os
import stat

import pytest

from helpers.image import scanner
from helpers.image.scanner import Scanner, ScannerError


def trivy(*results):
    return json.dumps(
        {
            "SchemaVersion": 2,
            "Trivy": {"Version": "0.74.0"},
            "CreatedAt": "2026-11-26T03:00:00Z",
            "ArtifactName": "workbook/naive",
            "ArtifactType": "container_image",
            "Metadata": {"OS": {"Family": "debian", "Name": "12.12"}},
            "Results": list(results),
        }
    )


def hole(identifier, package, severity):
    return {
        "VulnerabilityID": identifier,
        "PkgID": f"{package}@1.0",
        "PkgName": package,
        "InstalledVersion": "1.0",
        "Status": "affected",
        "Severity": severity,
    }


OS = {
    "Target": "workbook/naive (debian 12.12)",
    "Class": "os-pkgs",
    "Type": "debian",
    "Vulnerabilities": [
        hole("CVE-2026-0001", "libc6", "HIGH"),
        hole("CVE-2026-0001", "libc-bin", "HIGH"),
        hole("CVE-2011-3374", "apt", "LOW"),
    ],
}
NODE = {
    "Target": "Node.js",
    "Class": "lang-pkgs",
    "Type": "node-pkg",
    "Vulnerabilities": [
        hole("CVE-2026-0002", "cross-spawn", "CRITICAL"),
        hole("CVE-2011-3374", "x", "MEDIUM"),
    ],
}
CLEAN = {"Target": "x (alpine 3.20.3)", "Class": "os-pkgs", "Type": "alpine"}


def grype(database, *pairs):
    return json.dumps(
        {
            "matches": [
                {
                    "vulnerability": {"id": identifier, "severity": severity, "namespace": "nvd"},
                    "relatedVulnerabilities": [],
                    "artifact": {"name": "libssl3", "version": "3.0.17", "type": "deb"},
                }
                for identifier, severity in pairs
            ],
            "source": {"type": "image", "target": {"userInput": "workbook/naive"}},
            "distro": {"name": "debian", "version": "12"},
            "descriptor": {"name": "grype", "version": "0.110.0", "db": database},
        }
    )


STATUS = {"status": {"schemaVersion": "v6.1.9", "built": "2026-11-25T06:48:35Z", "valid": True}}


def test_a_hole_of_several_packages_counts_once_at_its_worst():
    found = scanner.parse("trivy", trivy(OS, NODE))
    assert found.severities == {"critical": 1, "high": 1, "medium": 1}
    assert (found.total, found.severe, found.scanner) == (3, 2, "Trivy 0.74.0")


@pytest.mark.parametrize("report", [trivy(CLEAN), trivy(), trivy(CLEAN | {"Vulnerabilities": None})])
def test_a_clean_image_has_no_holes(report):
    assert scanner.parse("trivy", report).total == 0


def test_grype_names_its_database_and_words_it_has_that_trivy_has_not():
    pairs = [("CVE-1", "Critical"), ("GHSA-2", "Negligible"), ("CVE-3", ""), ("CVE-1", "Low")]
    found = scanner.parse("grype", grype(STATUS, *pairs))
    assert found.severities == {"critical": 1, "negligible": 1, "unknown": 1}
    assert (found.scanner, found.database) == ("Grype 0.110.0", "2026-11-25")


def test_grype_before_0_88_has_the_date_of_its_database_elsewhere():
    assert scanner.parse("grype", grype({"built": "2024-12-01T01:31:39Z"})).database == "2024-12-01"
    assert scanner.parse("grype", grype(None)).database == ""


@pytest.mark.parametrize(
    "report", ["", "[]", "{}", '{"SchemaVersion": 3}', '{"SchemaVersion": 2, "Results": 5}']
)
def test_what_is_no_report_is_refused(report):
    with pytest.raises(ScannerError):
        scanner.parse("trivy", report)


@pytest.fixture
def program(tmp_path, monkeypatch):
    """Put a program of one's own on an otherwise empty PATH."""
    monkeypatch.setenv("PATH", str(tmp_path))

    def place(name, script):
        file = tmp_path / name
        file.write_text(f"#!/bin/sh\n{script}\n")
        file.chmod(file.stat().st_mode | stat.S_IXUSR)
        return file

    return place


class Where:
    """An engine as far as a scanner needs one: the environment that leads to it."""

    @staticmethod
    def process_environment():
        return {**os.environ, "DOCKER_HOST": "unix:///nowhere.sock"}


def test_without_a_scanner_on_the_path_there_is_none(program):
    assert scanner.find() is None


def test_trivy_goes_before_grype(program):
    program("grype", "")
    assert scanner.find().name == "grype"
    program("trivy", "")
    assert scanner.find().name == "trivy"


def test_a_scan_gives_the_counts_of_the_report_that_the_program_prints(program, tmp_path):
    (tmp_path / "report").write_text(trivy(OS))
    program("trivy", f'test "$7" = workbook/naive && exec /bin/cat {tmp_path}/report')
    assert scanner.scan(scanner.find(), "workbook/naive", Where()).total == 2


def test_a_scanner_without_its_database_says_so_in_its_own_words(program):
    program("trivy", "echo 'FATAL  failed to download vulnerability DB' >&2; exit 1")
    with pytest.raises(ScannerError, match=r"counted nothing.*failed to download vulnerability DB"):
        scanner.scan(scanner.find(), "x", Where())


def test_a_scanner_that_cannot_be_started_is_an_error_of_ours(tmp_path):
    with pytest.raises(ScannerError, match="could not scan"):
        scanner.scan(Scanner("trivy", str(tmp_path / "gone")), "x", Where())
