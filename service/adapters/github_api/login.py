"""The connection to GitHub that source repositories are reached by. Called by integrations that are made of `Parts`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from service.adapters.github_api.connection import Connection
from service.adapters.github_api.tokens import AppLogin, TokenLogin

if TYPE_CHECKING:
    from service.adapters.parts import Parts


def connection_of(parts: Parts) -> Connection:
    """Give it, by the settings' App or token; nothing is asked yet."""
    settings, trusted = parts.settings, str(parts.ca_file) if parts.ca_file else None
    app = settings.github_app
    login = AppLogin(str(app.id), app.private_key) if app else TokenLogin(settings.github_token or "")
    return Connection(settings.github_api_url, login, now=parts.clock.now, ca_file=trusted, budgets=parts.budgets)
