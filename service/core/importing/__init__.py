"""Reads the set-ups of older tools and proposes a configuration for Mergeport, with what will be different.

Called by `mergeport import`. Texts in, a proposal out. A kind of tool is one module: a command of scripts (`sed`, `yq`,
`kustomize`, `gitopscli`) in `scripts.TOOLS`, objects of a cluster (`image_updater`, `flux`) in `survey`.
"""

from service.core.importing.findings import Difference, Skipped
from service.core.importing.material import Library, Material
from service.core.importing.proposal import Proposal, propose
from service.core.importing.survey import survey

__all__ = ["Difference", "Library", "Material", "Proposal", "Skipped", "read_all"]


def read_all(library: Library) -> Proposal:
    """Give the proposal for a set of files."""
    found, applications = survey(library)
    return propose(found, library, applications)
