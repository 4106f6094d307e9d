"""What the workbook knows of the sample app's Dockerfiles."""

from helpers.buildx import dockerfile
from helpers.host import paths
from helpers.measure import sample

SUPPORTED = {"22", "24", "26"}  # Node's release schedule, 2026


def test_every_dockerfile_has_a_short_name_and_a_line_that_says_what_it_shows():
    for name, file in sample.dockerfiles().items():
        assert name == name.lower()
        assert file.read_text().startswith("# "), name


def test_the_bases_of_all_dockerfiles_are_prepared_once_each():
    names = sample.base_images()
    assert names[:2] == ["node:20", "node:20-alpine"]
    assert len(names) == len(set(names))


def test_the_recommended_file_stands_on_a_supported_line_and_runs_without_root():
    text = (paths.DOCKERFILES / "05_recommended.Dockerfile").read_text()
    parsed = dockerfile.read(paths.DOCKERFILES / "05_recommended.Dockerfile")
    for name in parsed.base_images():
        assert any(line in name for line in SUPPORTED), name
    assert ":nonroot" in text
    assert "HEALTHCHECK" in text
