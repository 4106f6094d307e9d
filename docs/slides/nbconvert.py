"""nbconvert's settings for `make slides`: each lesson as one HTML file that needs no network.

nbconvert's own template loads reveal.js, jQuery and fonts from other hosts, and its option for slides
that scroll needs them. The template in `deck/` puts reveal.js into the file and lets tall slides scroll.
reveal.js comes from the npm registry once. Nothing is run: a slide shows what its lesson stores.
"""

import tarfile
from pathlib import Path

from helpers.host import downloads, paths
from helpers.host.workshop import Workshop

REVEAL = "5.2.1"
PARTS = ("dist/reveal.css", "dist/reveal.js", "plugin/notes/notes.js")


def reveal() -> Path:
    """Return a folder with the parts of reveal.js. Raises `WorkbookError` when it is not to be had."""
    workshop = Workshop(paths.state("slides"))
    folder = paths.state(f"slides/reveal-{REVEAL}")
    with tarfile.open(downloads.from_npm("reveal.js", REVEAL, workshop)) as package:
        for name in PARTS:
            content = package.extractfile(f"package/{name}")
            assert content is not None  # noqa: S101 - the version is fixed, and npm checked it
            text = content.read().decode().replace("</script", "<\\/script")  # it stands in a script
            (folder / Path(name).name).write_text(text)
    return folder


c = get_config()  # type: ignore[name-defined]  # noqa: F821 - traitlets defines it here

c.NbConvertApp.export_format = "slides"
c.SlidesExporter.template_name = "deck"
c.SlidesExporter.file_extension = ".html"
c.SlidesExporter.reveal_width = "1280"
c.SlidesExporter.reveal_height = "720"
c.TemplateExporter.extra_template_basedirs = [str(Path(__file__).parent)]
c.TemplateExporter.extra_template_paths = [str(reveal())]
c.FilesWriter.build_directory = str(paths.ROOT / "slides")
