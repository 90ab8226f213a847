"""The exported model: a directory of plain files, saved as a whole, audited before use."""

from tracetier.artifact.load import Artifact, load_artifact

__all__ = ["Artifact", "load_artifact"]
