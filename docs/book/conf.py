"""Sphinx's settings for the book: the lessons as they are stored, and nothing from another host."""

project = "Docker multi-stage builds, on trial"
extensions = ["myst_nb"]
html_theme = "furo"
html_title = project
html_static_path = ["static"]
html_css_files = ["book.css"]
html_copy_source = False
html_show_sourcelink = False
html_show_copyright = False

nb_execution_mode = "off"
nb_ipywidgets_js: dict[str, dict[str, str]] = {}
nb_mime_priority_overrides = [("html", "application/vnd.jupyter.widget-view+json", None)]
suppress_warnings = ["myst.xref_missing"]  # lesson 11 links to a report that only a reader's run writes
