"""What a workflow is sent: who is built, of what, under which name of ours. Pure; the builder calls it.

What the options do not say is not sent, so that the workflow's own default holds, and a workflow needs no input that
nobody uses.
"""

from __future__ import annotations

from service.adapters.builders.github_actions import Options
from service.core.images import TREE_LABEL
from service.ports import StartRequest

LABELS, REBUILD = "labels", "rebuild"


def options_of(request: StartRequest) -> Options:
    """Give the request's options, which are this builder's."""
    if not isinstance(request.options, Options):
        raise TypeError(f"not the options of this builder: {type(request.options).__name__}")
    return request.options


def inputs_of(request: StartRequest, correlation: str, template: str | None = None) -> dict[str, str]:
    """Give the inputs, all of them texts, as GitHub wants them; a template's Dockerfile is sent as its text.

    A build anew needs `rebuild`: a workflow without it would take the image that is there, and is not started.
    """
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
        **({REBUILD: "true"} if request.anew else {}),
    }


def optional_inputs(request: StartRequest) -> dict[str, str]:
    """Give the inputs that a workflow of somebody's own need not know; each is sent for as long as it is taken."""
    fresh = "true" if request.fresh else ""
    return {name: text for name, text in ((LABELS, _labels_of(request)), (REBUILD, fresh)) if text}


def _labels_of(request: StartRequest) -> str:
    """Give the labels that the workflow may put on the image, one `NAME=VALUE` a line.

    They tell what the image was made of, also after the loss of our database. Labels that workflows set anyway are left
    out.
    """
    return "\n".join(f"{name}={value}" for name, value in request.labels.items() if name == TREE_LABEL)


def ref_of(request: StartRequest) -> str:
    """Give the branch or tag whose workflow file is used."""
    return options_of(request).ref or request.branch
