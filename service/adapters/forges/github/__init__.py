"""GitHub as a forge; bootstrap makes one `GitHub` from a login and the addresses of the settings."""

from service.adapters.forges.github.forge import GitHub
from service.adapters.github_api.tokens import AppLogin, TokenLogin

__all__ = ["AppLogin", "GitHub", "TokenLogin"]
