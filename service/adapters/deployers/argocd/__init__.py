"""Argo CD as a deployer; bootstrap makes an `ArgoCD` per instance."""

from service.adapters.deployers.argocd.announcing import ApplicationSets
from service.adapters.deployers.argocd.client import ArgoCD

__all__ = ["ApplicationSets", "ArgoCD"]
