"""What a workflow is sent: who is built, of what, under which name of ours. Pure; the builder calls it.

What the options do not say is not sent, so that the workflow's own default holds, and a workflow needs no input that
nobody uses.
"""

from __future__ import annotations

from service.adapters.builders.github_actions import Options
from service.ports import StartRequest


def options_of(request: StartRequest) -> Options:
    """Give the request's options, which are this builder's."""
    if not isinstance(request.options, Options):
        raise TypeError(f"not the options of this builder: {type(request.options).__name__}")
    return request.options


def inputs_of(request: StartRequest, correlation: str, template: str | None = None) -> dict[str, str]:
    """Give the inputs, all of them texts, as GitHub wants them; a template's Dockerfile is sent as its text."""
    options = options_of(request)
    wanted = {
        "context": options.context,
        "dockerfile": template or options.dockerfile,
        "args": "\n".join(f"{name}={text}" for name, text in options.args.items()) or None,
        "target": options.target,
        "platforms": ",".join(options.platforms) or None,
    }
    return {
        "image": request.reference.name,
        "tag": request.reference.tag,
        "commit": request.commit,
        "correlation": correlation,
        **{name: text for name, text in wanted.items() if text is not None},
        **options.inputs,
    }


def ref_of(request: StartRequest) -> str:
    """Give the branch or tag whose workflow file is used."""
    return options_of(request).ref or request.branch
