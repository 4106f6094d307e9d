"""An image that no engine has: its small files by path; a test changes them as it likes."""

from __future__ import annotations

from typing import cast

from helpers.engine import Engine
from helpers.image import File, Files, Image, ImageError


class StoredImage(Image):
    """Stand for an image by the texts of its files."""

    def __init__(self, texts: dict[str, bytes], files: Files | None = None) -> None:
        super().__init__(cast(Engine, None), "sha256:stored")
        self.texts, self._listed = texts, files

    @property
    def files(self) -> Files:
        entries = (File(path, "file", 1, 0, 0o644, 0, 0, "") for path in sorted(self.texts))
        return Files(tuple(entries)) if self._listed is None else self._listed

    def read(self, path: str) -> bytes:
        if path not in self.texts:
            raise ImageError(f"There is no {path}.")
        return self.texts[path]

    def read_folder(self, path: str) -> dict[str, bytes]:
        return {name: text for name, text in self.texts.items() if name.startswith(path)}
