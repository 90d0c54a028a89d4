"""A double of Argo CD: its REST API over applications whose desired state is read from real git repositories.

It goes through the states of a recorded Argo CD in their order. `ArgoCD` in `devstack.argocd.server` is the entry.
"""

from devstack.argocd.server import ArgoCD

__all__ = ["ArgoCD"]
