"""Texts of pipelines with their variables filled in as far as that is sure: `${GITHUB_SHA::7}` is `{short_sha:7}`.

Called by the readers. Knows GitHub's expressions, shell expansions and the names that well-known pipelines give a
commit. What it cannot know stays a named unknown; it runs nothing and guesses nothing.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from service.core.importing.pieces import Known, Piece, Text, Unknown, joined, options_of

_SHA, _BRANCH = Known("{sha}"), Known("{branch}")
_NAMES: dict[str, Piece] = {
    **dict.fromkeys(
        (
            "GITHUB_SHA",
            "github.sha",
            "github.event.after",
            "github.event.workflow_run.head_sha",
            "CI_COMMIT_SHA",
            "GIT_COMMIT",
            "env.GIT_COMMIT",
            "TRAVIS_COMMIT",
            "CIRCLE_SHA1",
            "BITBUCKET_COMMIT",
            "BUILD_SOURCEVERSION",
            "Build.SourceVersion",
            "COMMIT_SHA",
            "CODEBUILD_RESOLVED_SOURCE_VERSION",
            "BUILDKITE_COMMIT",
            "DRONE_COMMIT_SHA",
        ),
        _SHA,
    ),
    **dict.fromkeys(
        (
            "GITHUB_REF_NAME",
            "github.ref_name",
            "github.event.workflow_run.head_branch",
            "CI_COMMIT_REF_SLUG",
            "CI_COMMIT_REF_NAME",
            "CI_COMMIT_BRANCH",
            "BRANCH_NAME",
            "TRAVIS_BRANCH",
            "CIRCLE_BRANCH",
            "BITBUCKET_BRANCH",
            "Build.SourceBranchName",
        ),
        _BRANCH,
    ),
    "CI_COMMIT_SHORT_SHA": Known("{short_sha:8}"),
    "SHORT_SHA": Known("{short_sha:7}"),
}
"""What well-known pipelines call the commit and the branch. A pipeline's own variable of the same name wins."""

_TOKEN = re.compile(
    r"\$\{\{(?P<expression>.*?)\}\}|\{\{(?P<generator>.*?)\}\}"
    r"|\$\{(?P<braced>[^{}]*(?:\{[^{}]*\}[^{}]*)*)\}|\$\((?P<command>[^()]*(?:\([^()]*\)[^()]*)*)\)"
    r"|`(?P<ticked>[^`]*)`|\$(?P<plain>[A-Za-z_][A-Za-z0-9_]*|[0-9@])"
)
_BRACED = re.compile(r"(?P<name>[A-Za-z_][A-Za-z0-9_.]*)(?P<how>.*)", re.DOTALL)
_CUT = re.compile(r":(?:0)?:(?P<length>\d+)|:\s*0\s*:\s*(?P<other>\d+)|\.(?:take\(|substring\(0,\s*)(?P<taken>\d+)\)")
_SHORT = re.compile(
    r"git\s+rev-parse\s+(?:.*\s)?--short(?:=(?P<length>\d+))?(?:\s+(?:HEAD|\S*(?:SHA|sha|COMMIT)\S*|\$\{\{\s*github\.sha\s*\}\}))?\s*|git\s+(?:log|show)\s.*%h.*"
)
_LONG = re.compile(r"git\s+rev-parse\s+(?:--verify\s+)?HEAD\s*|git\s+(?:log|show)\s.*%H.*")
_PIPED = re.compile(
    r"(?:echo|printf)(?:\s+-n|\s+[\"']?%s[\"']?)?\s+(?P<text>.+?)\s*\|\s*(?:cut\s+-(?:c|b)\s*1?-(?P<cut>\d+)|head\s+-c\s*-?(?P<head>\d+))\s*"
    r"|(?P<revision>git\s+rev-parse\s+HEAD)\s*\|\s*(?:cut\s+-(?:c|b)\s*1?-(?P<cut2>\d+)|head\s+-c\s*(?P<head2>\d+))\s*"
)
_DEEPEST, _LONGEST, _SHORTEST, _FULL = 6, 2000, 7, 40


class Scope:
    """The variables that are known at one place, as they are written there."""

    def __init__(self, values: Mapping[str, str | Text], repository: str = "") -> None:
        """Keep the variables; `repository` is owner/name of the source, if it is known."""
        self._values = dict(values)
        self.repository = repository

    def having(self, more: Mapping[str, str | Text]) -> Scope:
        """Give the scope with more variables, which may be of each other."""
        return Scope({**self._values, **more}, self.repository)

    def setting(self, more: Mapping[str, str]) -> Scope:
        """Give the scope after assignments: a value is what it is now, so that a name may be set from itself."""
        return Scope({**self._values, **{name: self.read(value) for name, value in more.items()}}, self.repository)

    def choosing(self, name: str, raw: str) -> Scope:
        """Give the scope after an assignment that may not happen: the variable is one of several."""
        if name not in self._values:
            return self.setting({name: raw})
        before, now = self.read(f"${{{name}}}"), self.read(raw)
        options = options_of(before), options_of(now)
        every = tuple(dict.fromkeys((*options[0], *options[1])))
        if before == now:
            return self
        return Scope({**self._values, name: (Unknown(f"${name}", every if all(options) else ()),)}, self.repository)

    def outputs(self) -> dict[str, str | Text]:
        """Give the outputs of steps, which later jobs may read."""
        return {name: value for name, value in self._values.items() if name.startswith("steps.")}

    def within(self, outer: Mapping[str, str | Text]) -> Scope:
        """Give the scope with variables from outside, which its own ones hide."""
        return Scope({**outer, **self._values}, self.repository)

    def without(self, names: list[str], outside: Scope) -> Scope:
        """Give the scope with these variables as they are outside."""
        kept = {name: value for name, value in self._values.items() if name not in names}
        return Scope(
            {**kept, **{name: outside._values[name] for name in names if name in outside._values}}, self.repository
        )

    def raw(self, name: str) -> str:
        """Give a variable as it is written; empty if there is none."""
        value = self._values.get(name, "")
        return value if isinstance(value, str) else ""

    def read(self, raw: str) -> Text:
        """Fill in what is known."""
        return joined(self._pieces(raw, 0))

    def _pieces(self, raw: str, depth: int) -> Iterator[Piece]:
        if len(raw) > _LONGEST or depth > _DEEPEST:
            yield Unknown(raw[:40])
            return
        at = 0
        for found in _TOKEN.finditer(raw):
            yield raw[at : found.start()]
            at = found.end()
            yield from self._one(found, depth)
        yield raw[at:]

    def _one(self, found: re.Match[str], depth: int) -> Iterator[Piece]:
        if (expression := found["expression"]) is not None:
            yield from self._expression(expression.strip(), found[0], depth)
        elif found["generator"] is not None:
            yield Unknown(found[0])
        elif (braced := found["braced"]) is not None:
            yield from self._braced(braced, found[0], depth)
        elif (command := found["command"] or found["ticked"]) is not None:
            yield from self._command(command.strip(), found[0], depth)
        else:
            yield from self._name(found["plain"] or "", found[0], depth)

    def _name(self, name: str, shown: str, depth: int) -> Iterator[Piece]:
        plain = name.removeprefix("env.")
        if plain in self._values:
            value = self._values[plain]
            yield from self._pieces(value, depth + 1) if isinstance(value, str) else value
            return
        owner, _, short = self.repository.partition("/")
        ours = {
            "github.repository": self.repository,
            "GITHUB_REPOSITORY": self.repository,
            "github.repository_owner": owner,
            "GITHUB_REPOSITORY_OWNER": owner,
            "github.event.repository.name": short,
        }
        yield ours.get(name) or _NAMES.get(name) or _NAMES.get(plain) or Unknown(shown)

    def _expression(self, text: str, shown: str, depth: int) -> Iterator[Piece]:
        """Read what stands in `${{ }}`: a name, a literal, or alternatives of them."""
        first, *others = re.split(r"\|\|", text)
        first = first.strip()
        if quoted := re.fullmatch(r"'([^']*)'", first):
            yield quoted[1]
            return
        if lowered := re.fullmatch(r"(?:toLower|fromJSON|toJSON)\(\s*([\w.-]+)\s*\)", first):
            first = lowered[1]
        found = list(self._name(first, shown, depth)) if re.fullmatch(r"[\w.-]+", first) else [Unknown(shown)]
        if others and any(isinstance(piece, Unknown) for piece in found):
            yield from self._expression("||".join(others), shown, depth)
            return
        yield from found

    def _braced(self, text: str, shown: str, depth: int) -> Iterator[Piece]:
        named = _BRACED.fullmatch(text)
        if named is None:
            yield Unknown(shown)
            return
        name, how = named["name"], named["how"]
        cut = _CUT.fullmatch(how) if how else _CUT.search(name)
        if cut is None and "(" in how and (whole := re.fullmatch(r"([\w.]+?)(\.(?:take|substring)\(.*\))", text)):
            name, cut = whole[1], _CUT.fullmatch(whole[2])
        if name == "GITHUB_REF" and how in {"#refs/heads/", "##*/", "##refs/heads/"}:
            yield _BRANCH
            return
        value = joined(self._name(name, shown, depth))
        if cut is not None:
            yield _shortened(value, int(cut["length"] or cut["other"] or cut["taken"]), shown)
        elif not how or (how[:2] in {",,", "//"} and not any(isinstance(piece, Unknown) for piece in value)):
            yield from (piece.lower() if how == ",," and isinstance(piece, str) else piece for piece in value)
        elif how[:2] in {":-", ":="} or how[:1] in {"-", "="}:
            known = not any(isinstance(piece, Unknown) for piece in value)
            yield from value if known else self._pieces(how.lstrip(":")[1:], depth + 1)
        else:
            yield Unknown(shown)

    def _command(self, text: str, shown: str, depth: int) -> Iterator[Piece]:
        """Read `$( … )`: git's words for the commit, a cut of one, or a variable of make or Azure Pipelines."""
        if short := _SHORT.fullmatch(text):
            yield _shortened((_SHA,), int(short["length"] or _SHORTEST), shown)
        elif _LONG.fullmatch(text):
            yield _SHA
        elif piped := _PIPED.fullmatch(text):
            length = int(piped["cut"] or piped["head"] or piped["cut2"] or piped["head2"])
            inner = (piped["text"] or "").strip("\"'")
            value = (_SHA,) if piped["revision"] else joined(self._pieces(inner, depth + 1))
            yield _shortened(value, length, shown)
        elif re.fullmatch(r"[A-Za-z_][\w.]*", text) and (text in self._values or text in _NAMES):
            yield from self._name(text, shown, depth)
        else:
            yield Unknown(shown)


def _shortened(value: Text, length: int, shown: str) -> Piece:
    """Cut the commit; everything else that is cut is unknown."""
    if value != (_SHA,) or not _SHORTEST <= length <= _FULL:
        return Unknown(shown)
    return _SHA if length == _FULL else Known(f"{{short_sha:{length}}}")
