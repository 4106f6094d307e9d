"""nbconvert's settings for `make notebooks`: run a lesson, and keep what says something to its reader.

What differs between two machines or two runs and says nothing goes: clocks, the state of widgets, the
release of Python. nbconvert writes a file only after its last cell ran, and stops at a cell that fails.
"""

c = get_config()  # type: ignore[name-defined]  # noqa: F821 - traitlets defines it here

c.NbConvertApp.export_format = "notebook"
c.ExecutePreprocessor.timeout = 1200  # seconds for one cell
c.ExecutePreprocessor.record_timing = False
c.ExecutePreprocessor.store_widget_state = False
c.ClearMetadataPreprocessor.enabled = True
c.ClearMetadataPreprocessor.clear_cell_metadata = False
c.ClearMetadataPreprocessor.preserve_nb_metadata_mask = {"kernelspec", ("language_info", "name")}
