"""Renders applications with Helm as Argo CD does, and tells what a change makes of them.

    python3 scripts/render.py all             every application in every environment
    python3 scripts/render.py changed BASE    those whose files differ from the commit BASE, committed or not
    python3 scripts/render.py diff BASE       the same, and prints the difference as Markdown for a pull request

Exit status 1 if one does not render. People, the workflow and the hooks call it. It needs git and helm, and no package.
Values of Secrets are not printed: there should be none, but if there is one, a comment would show it to everybody.
"""

from __future__ import annotations

import difflib
import re
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

CHART = "charts/application"
MARK = "<!-- rendered difference -->"
MOST_CHARACTERS = 60_000  # GitHub takes 65,536
MOST_LINES_OF_ONE = 400


@dataclass(frozen=True, order=True)
class Release:
    """An application in an environment."""

    application: str
    environment: str

    @property
    def files(self) -> list[str]:
        """The values files, the later one wins."""
        folder = f"apps/{self.application}"
        return [f"{folder}/values.yaml", f"{folder}/values-{self.environment}.yaml"]

    def __str__(self) -> str:
        """Name it as its Argo CD application."""
        return f"{self.application}-{self.environment}"


class RenderError(Exception):
    """Helm refused."""


def git(*arguments: str) -> str:
    """Ask git."""
    return subprocess.run(["git", *arguments], check=True, capture_output=True, text=True).stdout


def releases(folder: Path) -> set[Release]:
    """Find every values-ENVIRONMENT.yaml."""
    return {
        Release(path.parent.name, path.stem.removeprefix("values-")) for path in folder.glob("apps/*/values-*.yaml")
    }


def touched(known: set[Release], base: str) -> set[Release]:
    """Keep the releases of which a file changed; all of them if the chart did."""
    names = set(git("diff", "--name-only", "-z", "--no-renames", base).split("\0"))
    names |= set(git("ls-files", "--others", "--exclude-standard", "-z").split("\0"))
    if any(name.startswith(f"{CHART}/") for name in names):
        return known
    return {release for release in known if names & set(release.files)}


def render(folder: Path, release: Release) -> str:
    """Render one release of a tree; empty if it is not there."""
    if not (folder / release.files[-1]).exists():
        return ""
    values = [part for file in release.files if (folder / file).exists() for part in ("--values", str(folder / file))]
    argv = ["helm", "template", release.application, str(folder / CHART), "--namespace", str(release), *values]
    told = subprocess.run(argv, check=False, capture_output=True, text=True)
    if told.returncode != 0:
        raise RenderError(told.stderr.strip().replace(f"{folder}/", ""))
    return told.stdout


def objects(rendered: str) -> dict[str, list[str]]:
    """Take what Helm printed apart: the lines of each object, by kind and name."""
    found: dict[str, list[str]] = {}
    for part in re.split(r"^---[ \t]*$", rendered, flags=re.MULTILINE):
        kind = re.search(r"^kind: *(\S+)", part, re.MULTILINE)
        name = re.search(r"^metadata:\n(?:^ +.*\n)*?^  name: *(\S+)", part, re.MULTILINE)
        if kind is None:
            continue
        lines = [line for line in part.strip("\n").split("\n") if not line.startswith("# Source:")]
        if kind[1].strip("\"'") == "Secret":
            lines = [re.sub(r"^( +[^\s:]+: ).+", r"\1(not shown)", line) for line in lines]
        found[f"{kind[1]} {name[1] if name else ''}".strip()] = lines
    return found


def difference(before: str, after: str) -> str:
    """Compare two renderings, object by object."""
    old, new = objects(before), objects(after)
    parts = []
    for name in sorted(old.keys() | new.keys()):
        lines = list(difflib.unified_diff(old.get(name, []), new.get(name, []), name, name, n=3, lineterm=""))
        if len(lines) > MOST_LINES_OF_ONE:
            lines = [*lines[:MOST_LINES_OF_ONE], f"… {len(lines) - MOST_LINES_OF_ONE} more lines"]
        parts += lines
    return "\n".join(parts)


def markdown(told: dict[Release, str], failed: dict[Release, str]) -> str:
    """Write the comment; what is too long is named and left out."""
    lines = [MARK, "### What this changes in the clusters", ""]
    lines += [f"- **{release}** does not render: `{one_line(words)}`" for release, words in sorted(failed.items())]
    same = [str(release) for release, text in sorted(told.items()) if not text]
    if same:
        lines += [f"- nothing in {', '.join(same)}"]
    if not told and not failed:
        lines += ["- nothing: no values file and no chart changed"]
    room = MOST_CHARACTERS - sum(map(len, lines)) - 2_000
    left = []
    for release, text in sorted(told.items()):
        fence = "`" * max([3, *(len(run) + 1 for run in re.findall(r"`+", text))])
        block = f"\n<details><summary>{release}</summary>\n\n{fence}diff\n{text}\n{fence}\n\n</details>"
        if text and len(block) <= room:
            lines.append(block)
            room -= len(block)
        elif text:
            left.append(str(release))
    if left:
        shown = ", ".join(left[:40]) + (f" and {len(left) - 40} more" if len(left) > 40 else "")
        lines += ["", f"Too long to show: {shown}. See the job's log, or `python3 scripts/render.py diff BASE`."]
    return "\n".join(lines)[:MOST_CHARACTERS] + "\n"


def one_line(words: str) -> str:
    """Fit an error into a list."""
    return " ".join(words.split()).replace("`", "'")[:600]


def main(command: str, base: str) -> int:
    """Do what the command says; give the exit status."""
    here = Path(git("rev-parse", "--show-toplevel").strip())
    with tempfile.TemporaryDirectory() as folder:
        there = Path(folder)
        wanted = releases(here)
        if command == "diff":
            git("-C", str(here), "worktree", "add", "--quiet", "--detach", f"{there}/base", base)
            there /= "base"
            wanted |= releases(there)
        try:
            told, failed = {}, {}
            for release in sorted(wanted if command == "all" else touched(wanted, base)):
                try:
                    rendered = render(here, release)
                    told[release] = difference(quietly(there, release), rendered) if command == "diff" else ""
                except RenderError as error:
                    failed[release] = str(error)
                    print(f"{release} does not render: {error}", file=sys.stderr)
        finally:
            if command == "diff":
                git("-C", str(here), "worktree", "remove", "--force", str(there))
    if command == "diff":
        print(markdown(told, failed), end="")
    else:
        print(f"{len(told)} rendered, {len(failed)} refused", file=sys.stderr)
    return 1 if failed else 0


def quietly(folder: Path, release: Release) -> str:
    """Render what was before; nothing if that was broken."""
    try:
        return render(folder, release)
    except RenderError:
        return ""


if __name__ == "__main__":
    if len(sys.argv) == 2 and sys.argv[1] == "all":
        sys.exit(main("all", ""))
    if len(sys.argv) == 3 and sys.argv[1] in {"changed", "diff"} and not sys.argv[2].startswith("-"):
        sys.exit(main(sys.argv[1], sys.argv[2]))
    sys.exit(__doc__)
