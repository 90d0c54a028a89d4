"""The pages of the GitHub double for people: plain HTML without a login, where GitHub's own are.

Mounted by `server` beside the API and git, for addresses that are neither. Reads the state and the repositories and
changes nothing. Old names of repositories lead to the new ones, and what is not there is a page that says so.
"""

from __future__ import annotations

from typing import NoReturn
from urllib.parse import quote, urlsplit

from flask import Flask, Response, abort, redirect, request
from werkzeug.exceptions import HTTPException

from devstack.github import comparing, looking
from devstack.github.looking import Place
from devstack.github.state import Pull, Repository, State
from devstack.showing import HEADERS, show

NOT_FOUND = 404
BROKEN = 500


def link(first: Repository | str, *parts: str | int) -> str:
    """Give the address of a page on this host; each part may contain slashes."""
    name = first.full_name if isinstance(first, Repository) else first
    return "/" + "/".join(quote(str(part)) for part in (name, *parts) if part != "")


def is_outside(url: str | None) -> bool:
    """Tell whether an address from outside may be used as a link."""
    try:
        parts = urlsplit(url or "")
    except ValueError:
        return False
    return parts.scheme in {"http", "https"} and bool(parts.netloc)


def page(template: str, **values: object) -> str:
    """Write a page of this double."""
    return show(template, double="GitHub", link=link, outside=is_outside, **values)


class Pages:
    """The views over a state."""

    def __init__(self, state: State) -> None:
        self._state = state

    def add_to(self, app: Flask) -> None:
        """Give the application its routes."""
        below = "/<owner>/<name>"
        for path, view in (
            ("/", self.home),
            ("/<owner>", self.owner),
            (below, self.repository),
            (f"{below}/branches", self.branches),
            (f"{below}/commits", self.commits),
            (f"{below}/commits/<path:ref>", self.commits),
            (f"{below}/commit/<sha>", self.commit),
            (f"{below}/compare/<path:names>", self.compare),
            (f"{below}/pulls", self.pulls),
            (f"{below}/issues/<int:number>", self.issue),
            (f"{below}/pull/<int:number>", self.pull),
            (f"{below}/pull/<int:number>/<any(commits, files, checks):_tab>", self.pull),
            (f"{below}/tree/<path:where>", self.files),
            (f"{below}/blob/<path:where>", self.files),
            (f"{below}/raw/<path:where>", self.raw),
        ):
            app.add_url_rule(path, view_func=view, strict_slashes=False)

    def home(self) -> str:
        """Show every repository."""
        return page("github_repositories.html", owner="", repositories=self._repositories())

    def owner(self, owner: str) -> str:
        """Show an account and its repositories."""
        found = [one for one in self._repositories() if one.owner.lower() == owner.lower()]
        if not found and owner not in self._state.users:
            abort(NOT_FOUND)
        return page("github_repositories.html", owner=found[0].owner if found else owner, repositories=found)

    def repository(self, owner: str, name: str) -> str:
        """Show the files of the default branch, the branches, and the open pull requests."""
        repo = self._find(owner, name)
        branches = repo.bare.branches()
        tip = branches.get(repo.default_branch)
        return page(
            "github_repository.html",
            repo=repo,
            commit=repo.bare.commit(tip) if tip else None,
            entries=looking.entries_at(repo.bare, tip, "") if tip else [],
            branches=sorted(branches),
            pulls=[one for one in repo.pulls.values() if one.state == "open"],
        )

    def branches(self, owner: str, name: str) -> str:
        """Show every branch and its commit."""
        repo = self._find(owner, name)
        found = sorted(repo.bare.branches().items())
        return page("github_list.html", repo=repo, kind="branches", title="Branches", found=found)

    def commits(self, owner: str, name: str, ref: str = "") -> str:
        """Show the history of a ref."""
        repo = self._find(owner, name)
        ref = ref or repo.default_branch
        found = looking.history(repo.bare, self._resolve(repo, ref))
        return page("github_list.html", repo=repo, kind="commits", title=f"Commits of {ref}", found=found)

    def commit(self, owner: str, name: str, sha: str) -> str | Response:
        """Show a commit: message, people, statuses, and what it changed."""
        repo = self._find(owner, name)
        sha, plain = _without_suffix(sha)
        one = repo.bare.commit(self._resolve(repo, sha))
        diff = looking.changes_of(repo.bare, one)
        statuses = looking.newest_statuses(repo, one.sha)
        return _text(diff) if plain else page("github_commit.html", repo=repo, commit=one, statuses=statuses, diff=diff)

    def compare(self, owner: str, name: str, names: str) -> str | Response:
        """Show what a ref has that another has not."""
        repo = self._find(owner, name)
        names, plain = _without_suffix(names)
        base, dots, head = names.partition("...")
        if not dots:
            base, head = repo.default_branch, names
        old, new = self._resolve(repo, base), self._resolve(repo, head)
        diff = looking.difference(repo.bare, repo.bare.merge_base(old, new) or comparing.EMPTY_TREE, new)
        if plain:
            return _text(diff)
        relation, ahead, behind = comparing.relate(repo.bare, old, new)
        found = repo.bare.log(new, without=[old])[::-1]
        return page(
            "github_compare.html", repo=repo, title=f"{base}...{head}", base=base, head=head, diff=diff, commits=found,
            relation=relation, ahead=ahead, behind=behind,
        )  # fmt: skip

    def pulls(self, owner: str, name: str) -> str:
        """Show every pull request, the newest first."""
        repo = self._find(owner, name)
        found = sorted(repo.pulls.values(), key=lambda one: -one.number)
        return page("github_list.html", repo=repo, kind="pulls", title="Pull requests", found=found)

    def issue(self, owner: str, name: str, number: int) -> NoReturn:
        """Redirect from an issue's number to the pull request."""
        abort(redirect(link(self._find(owner, name), "pull", number)))

    def pull(self, owner: str, name: str, number: int, _tab: str = "") -> str:
        """Show a pull request: its text and comments, its commits, and what it changes."""
        repo = self._find(owner, name)
        one = repo.pulls.get(number) or abort(NOT_FOUND)
        base = repo.bare.merge_base(one.base_sha, one.head_sha) or comparing.EMPTY_TREE
        told = [(said, looking.rendered(said.body)) for said in repo.comments if said.number == number]
        return page(
            "github_pull.html",
            repo=repo,
            pull=one,
            state=_state_of(one),
            body=looking.rendered(one.body or ""),
            comments=told,
            commits=repo.bare.log(one.head_sha, without=[one.base_sha])[::-1],
            diff=looking.difference(repo.bare, base, one.head_sha),
        )

    def files(self, owner: str, name: str, where: str) -> str:
        """Show a directory or a file at a ref."""
        repo = self._find(owner, name)
        place = self._place(repo, where)
        kind = looking.kind_at(repo.bare, place)
        if kind == "tree":
            found = looking.entries_at(repo.bare, place.commit, place.path)
            return page("github_files.html", repo=repo, kind=kind, entries=found, **place._asdict())
        data = repo.bare.read(place.commit, place.path) if kind == "blob" else None
        if data is None:
            abort(NOT_FOUND)
        return page(
            "github_files.html", repo=repo, kind=kind, lines=_lines(data), size=len(data), **place._asdict()
        )  # fmt: skip

    def raw(self, owner: str, name: str, where: str) -> Response:
        """Give a file unchanged, as text."""
        repo = self._find(owner, name)
        place = self._place(repo, where)
        data = repo.bare.read(place.commit, place.path)
        return Response(abort(NOT_FOUND) if data is None else data, content_type="text/plain; charset=utf-8")

    def _repositories(self) -> list[Repository]:
        return sorted(self._state.repositories.values(), key=lambda one: one.full_name.lower())

    def _find(self, owner: str, name: str) -> Repository:
        """Return a repository; an old name or one with `.git` is redirected to its own page."""
        asked = f"{owner}/{name.removesuffix('.git')}"
        repo = self._state.find(asked)
        if repo is None:
            number = self._state.moved.get(asked.lower())
            repo = next((one for one in self._state.repositories.values() if one.id == number), None)
            if repo is None:
                abort(NOT_FOUND)
        if repo.full_name.lower() != f"{owner}/{name}".lower():
            rest = request.path.removeprefix(f"/{owner}/{name}").lstrip("/")
            abort(redirect(link(repo, rest), 301))
        return repo

    def _resolve(self, repo: Repository, name: str) -> str:
        return looking.resolve(repo.bare, name) or abort(NOT_FOUND)

    def _place(self, repo: Repository, where: str) -> Place:
        return looking.find_place(repo.bare, where) or abort(NOT_FOUND)


def create_pages(state: State) -> Flask:
    """Make the application of the pages."""
    app = Flask("devstack.github.pages", static_folder=None)
    app.url_map.merge_slashes = False
    Pages(state).add_to(app)

    @app.before_request
    def refuse_nul() -> None:
        if "\0" in request.path:
            abort(NOT_FOUND)

    @app.errorhandler(HTTPException)
    def tell(error: HTTPException) -> tuple[str, int] | HTTPException:
        ours = error.response or (error.code or 500) >= BROKEN
        return error if ours else (page("not_found.html", path=request.path), NOT_FOUND)

    @app.after_request
    def harden(response: Response) -> Response:
        response.headers.update(HEADERS)
        return response

    return app


def _state_of(pull: Pull) -> str:
    return "merged" if pull.merged else pull.state


def _lines(data: bytes) -> list[str] | None:
    """Give a file's lines, or None where it is no text."""
    try:
        text = data.decode()
    except UnicodeDecodeError:
        return None
    return None if "\0" in text else text.split("\n")


def _without_suffix(name: str) -> tuple[str, bool]:
    """Remove `.diff` or `.patch`, and tell whether it was there."""
    bare = name.removesuffix(".diff").removesuffix(".patch")
    return bare, bare != name


def _text(diff: str) -> Response:
    return Response(f"{diff}\n", content_type="text/plain; charset=utf-8")
