"""The keys of `build` that are about templates: which one, and what the image shall be like.

Builders' options inherit `TemplateKeys`; the configuration, its schema and its faults come from here.
"""

from __future__ import annotations

import re
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, ValidationInfo, field_validator
from pydantic_core import PydanticCustomError

from service.core.dockerfiles.project import Server, Template
from service.core.fitting import fitting

_PACKAGE = r"^[a-z0-9][a-z0-9+.-]+$"
"""A Debian package's name: https://www.debian.org/doc/debian-policy/ch-controlfields.html#source"""
_BASE = r"^[a-zA-Z0-9][\w.:/-]*(@sha256:[0-9a-f]{64})?$"
_WITH_USER = re.compile(r"https?://[^/]*@")
_PLAIN_URL = re.compile(r"https?://[^\s'\"`$\\<>{}|^]+")


class Wishes(BaseModel):
    """What an image from a template shall be like."""

    model_config = ConfigDict(extra="forbid", frozen=True, defer_build=True)

    base: Annotated[str, *fitting(_BASE, "an image", "write NAME:TAG or NAME:TAG@sha256:DIGEST")] | None = Field(
        default=None,
        description="The base image, best by digest: NAME:TAG@sha256:…; the template's own if absent.",
    )
    entry: (
        Annotated[
            str, *fitting(r"^[A-Za-z_][\w.]*:[A-Za-z_]\w*$", "the application", "write MODULE:NAME, such as app:app")
        ]
        | None
    ) = Field(
        default=None,
        description="python-web: the application as MODULE:NAME; found in app.py if absent.",
    )
    server: Server | None = Field(
        default=None, description="python-web: gunicorn (WSGI) or uvicorn (ASGI); found in the project if absent."
    )
    port: int = Field(default=8080, ge=1024, le=65535, description="The port that is listened on.")
    health: (
        Annotated[
            str,
            *fitting(r"^/[A-Za-z0-9/_.~-]*$", "a path that begins with /", "letters, digits, / _ . ~ and -"),
        ]
        | None
    ) = Field(
        default=None,
        description="The path that answers with 200 while all is well; found in the project if absent.",
    )
    packages: tuple[
        Annotated[
            str,
            *fitting(_PACKAGE, "a Debian package's name", "lower-case letters, digits, + - and ., such as libgomp1"),
        ],
        ...,
    ] = Field(default=(), description="Debian or Ubuntu packages that the application needs, such as libgomp1.")
    index: str | None = Field(
        default=None, description="A package mirror: a simple index for Python, a CRAN mirror for R. Not in the image."
    )
    credentials: bool = Field(
        default=False,
        description="Whether the mirror wants credentials: a netrc file is mounted while packages are installed.",
    )

    @field_validator("index")
    @classmethod
    def _address_without_secrets(cls, value: str | None) -> str | None:
        if value is None:
            return None
        if not _PLAIN_URL.fullmatch(value):
            raise PydanticCustomError("index", "expected an address: https://HOST/PATH")
        if _WITH_USER.match(value):
            raise PydanticCustomError(
                "index",
                "credentials do not belong into the address",
                {"hint": "write `credentials: true`, and give the netrc file as the documentation says"},
            )
        return value


class TemplateKeys(BaseModel):
    """The keys that every builder with templates has; a Dockerfile of the repository's own excludes them."""

    model_config = ConfigDict(extra="forbid", frozen=True, defer_build=True, populate_by_name=True)

    template: Template | None = Field(
        default=None, description="Builds without a Dockerfile: python-web, python-model or r-model."
    )
    wishes: Wishes | None = Field(
        default=None, alias="with", description="What the image from the template shall be like."
    )

    @field_validator("wishes")
    @classmethod
    def _fit_the_template(cls, value: Wishes | None, info: ValidationInfo) -> Wishes | None:
        template = info.data.get("template")
        if value is None:
            return None
        if template is Template.R_MODEL and value.credentials:
            raise PydanticCustomError(
                "with_template",
                "with.credentials is not for template: r-model",
                {"hint": "give R a mirror without credentials, or write a Dockerfile of your own"},
            )
        for name in ("entry", "server"):
            if template not in {None, Template.PYTHON_WEB} and getattr(value, name) is not None:
                raise PydanticCustomError(
                    "with_template", "with.{name} is only for template: python-web", {"name": name, "hint": "remove it"}
                )
        return value

    @field_validator("dockerfile", "target", check_fields=False)
    @classmethod
    def _not_beside_a_template(cls, value: str | None, info: ValidationInfo) -> str | None:
        """Only keys that are said come here, never their defaults."""
        if value is not None and info.data.get("template"):
            raise PydanticCustomError(
                "beside_template",
                "{name} cannot be combined with template, which brings its own Dockerfile",
                {"name": info.field_name, "hint": f"remove {info.field_name}, or remove template"},
            )
        return value
