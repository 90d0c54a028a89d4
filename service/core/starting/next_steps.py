"""The README of a set-up: what is still to be done by hand, in order, with commands to copy."""

from __future__ import annotations

from service.core.starting.answers import MOST_ENVIRONMENTS, Answers, StartedApplication

_DEPLOY = "aws cloudformation deploy --capabilities CAPABILITY_NAMED_IAM"
_ARGOCD = "`kubectl apply -k manifests/argocd`, and make a token as `manifests/README.md` says: `secrets/argocd-token`."
_NO_ARGOCD = (
    "`argocd` is `false` in `mergeport.yaml`, so a run ends at the commit. Name Argo CD's applications there later."
)


def next_steps(answers: Answers) -> str:
    """Write it."""
    steps = [_register(answers), *_aws(answers)]
    steps += [f"Push `manifests/` to the default branch of {answers.manifests}.", *_sources(answers)]
    steps += [
        _ARGOCD if answers.argocd else _NO_ARGOCD,
        "Start Mergeport with `settings.env` and `secrets/`: docs/install.md has the container, compose and the chart.",
        "`mergeport doctor` says what is missing. Then merge something.",
    ]
    names = ", ".join(one.name for one in answers.applications)
    numbered = "\n".join(f"{number}. {text}" for number, text in enumerate(steps, 1))
    about = f"Written by `mergeport init` for {names}. Run again, it changes only what nobody has edited."
    return f"# The set-up of {answers.manifests}\n\n{about}\n\n{numbered}\n"


def _register(answers: Answers) -> str:
    return (
        "`mergeport init app .` registers the GitHub App with one click: it opens a page on this machine that sends\n"
        "   `github-app.json` to GitHub, and writes `secrets/` and the App's id. Then install the App on\n"
        f"   {answers.manifests} and the source repositories."
    )


def _aws(answers: Answers) -> list[str]:
    if not answers.account:
        return []
    commands = [f"{_DEPLOY} --stack-name mergeport-role --template-file aws/role.yaml"]
    if answers.builder != "docker":
        commands += [_image(one, answers) for one in answers.applications]
    text = "\n".join(f"   {line}" for command in commands for line in command.splitlines())
    return [f"Make the roles in AWS (for Terraform there is a `.tf` beside each):\n\n   ```sh\n{text}\n   ```\n"]


def _image(application: StartedApplication, answers: Answers) -> str:
    branches = [one.branch for one in answers.environments]
    branches += branches[-1:] * (MOST_ENVIRONMENTS - len(branches))
    told = " ".join(f"Branch{number}={branch}" for number, branch in enumerate(branches, 1))
    return (
        f"{_DEPLOY} --stack-name image-{application.name} --template-file aws/image.yaml \\\n"
        f"  --parameter-overrides Image={application.name} Source={application.source} {told}"
    )


def _sources(answers: Answers) -> list[str]:
    if answers.builder == "docker":
        return []
    named = ", ".join(str(one.source) for one in answers.applications)
    return [f"Commit what is below `sources/` to {named}, on each branch that feeds an environment."]
