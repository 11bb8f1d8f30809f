"""Gives package indexes a README whose links work there: relative ones lead nowhere, pictures neither."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from hatchling.metadata.plugin.interface import MetadataHookInterface

_PICTURE = re.compile(r"^!\[[^]]*\]\((?!https?:)[^)]*\)\n\n", re.MULTILINE)
_LINK = re.compile(r"\[([^]]*)\]\((?!https?:)[^)]*\)")


class IndexReadme(MetadataHookInterface):
    """The hook that hatchling calls for the key `readme`."""

    def update(self, metadata: dict[str, Any]) -> None:
        """Set the README; the texts of relative links stay, for they name files and sections."""
        text = Path(self.root, "README.md").read_text(encoding="utf-8")
        text = _LINK.sub(r"\1", _PICTURE.sub("", text))
        metadata["readme"] = {"content-type": "text/markdown", "text": text}
