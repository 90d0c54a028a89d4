"""The pages of the GitHub double: all that links of ours name opens without a login, and no words act on them."""

from __future__ import annotations

import re
from html import unescape

import pytest
import requests

from devstack.argocd.rendering import Source
from devstack.bare import Entry
from devstack.github import looking
from devstack.stack import GITHUB_TOKEN, Devstack

NAME = "acme/checkout"
EVIL = '"><script>alert(1)</script>'


@pytest.fixture
def world(stack: Devstack) -> Devstack:
    stack.create_repository(
        NAME,
        {
            "app.py": "print(1)\n",
            "docs/a b#c.md": "# Read <me>\n",
            "logo.png": b"\x89PNG\0",
            "ln": Entry(b"x", "120000"),
        },
        branches=["develop", "release/1.0"],
    )
    return stack


def read(world: Devstack, path: str) -> requests.Response:
    return requests.get(f"{world.github.url}{path}", timeout=10, allow_redirects=False)


def text_of(answer: requests.Response) -> str:
    assert answer.status_code == 200, answer.text
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", answer.text)).split())


def links_of(answer: requests.Response) -> set[str]:
    return set(re.findall(r'href="(/[^"]*)"', answer.text))


def test_repository_shows_files_branches_and_open_pull_requests(world: Devstack) -> None:
    world.github.push(NAME, "topic/tea", {"app.py": "print(2)\n"}, "Say two")
    world.github.open_pull(NAME, "topic/tea", "main", "Say two, please")
    found = read(world, f"/{NAME}")
    assert {f"/{NAME}/blob/main/app.py", f"/{NAME}/tree/main/docs", f"/{NAME}/tree/release/1.0"} <= links_of(found)
    assert "#1 Say two, please by alice, open" in text_of(found)


def test_commit_shows_message_author_statuses_and_difference(world: Devstack) -> None:
    sha = world.github.push(NAME, "main", {"app.py": "print(2)\n"}, "Say two\n\nBecause of tax.")
    requests.post(
        f"{world.github.api_url}/repos/{NAME}/statuses/{sha}",
        headers={"Authorization": f"Bearer {GITHUB_TOKEN}"},
        json={"state": "success", "context": "mergeport/dev", "target_url": "https://m.example/runs/1"},
        timeout=10,
    ).raise_for_status()
    answer = read(world, f"/{NAME}/commit/{sha}")
    told = text_of(answer)
    for words in (sha, "Because of tax.", "alice", "success mergeport/dev", "-print(1)", "+print(2)"):
        assert words in told
    assert 'href="https://m.example/runs/1"' in answer.text


def test_first_commit_and_a_short_id_are_shown(world: Devstack) -> None:
    first = world.github.repository(NAME).bare.tip("main")
    assert "+print(1)" in text_of(read(world, f"/{NAME}/commit/{first[:7]}"))


def test_pull_request_shows_text_commits_difference_and_state(world: Devstack) -> None:
    body = "Brings **two**.\n\n| File | Now |\n|---|---|\n| `app.py` | 1 |\n\n[a run](https://m.example/runs/1)"
    pull = world.github.merge(NAME, "main", {"app.py": "print(2)\n"}, title="Say two", body=body, head="topic/tea")
    answer = read(world, f"/{NAME}/pull/{pull.number}")
    told = text_of(answer)
    for words in ("Say two #1", "merged by alice", "Brings two .", "app.py", "+print(2)", pull.head_sha[:12]):
        assert words in told
    assert "<strong>two</strong>" in answer.text
    assert 'href="https://m.example/runs/1"' in answer.text
    assert f"/{NAME}/commit/{pull.merge_commit_sha}" in links_of(answer)


@pytest.mark.parametrize("tail", ["/commits", "/files"])
def test_tabs_of_a_pull_request_open_it(world: Devstack, tail: str) -> None:
    world.github.merge(NAME, "main", {"app.py": "print(2)\n"}, title="Say two")
    assert "Say two" in text_of(read(world, f"/{NAME}/pull/1{tail}"))
    assert read(world, f"/{NAME}/issues/1").headers["Location"].endswith(f"/{NAME}/pull/1")


def test_comparison_shows_commits_and_difference(world: Devstack) -> None:
    world.github.push(NAME, "develop", {"app.py": "print(2)\n"}, "Say two")
    told = text_of(read(world, f"/{NAME}/compare/release/1.0...develop"))
    for words in ("Comparing release/1.0 with develop", "1 ahead, 0 behind", "Say two", "+print(2)"):
        assert words in told
    old, new = (world.github.repository(NAME).bare.tip(one) for one in ("main", "develop"))
    assert "1 ahead, 0 behind" in text_of(read(world, f"/{NAME}/compare/{old}...{new}"))
    assert read(world, f"/{NAME}/compare/main...develop.diff").text.startswith("diff --git")


def test_files_are_shown_at_a_ref_with_a_slash_and_by_line(world: Devstack) -> None:
    assert "a b#c.md" in text_of(read(world, f"/{NAME}/tree/release/1.0/docs"))
    blob = read(world, f"/{NAME}/blob/release/1.0/docs/a%20b%23c.md")
    assert "# Read <me>" in text_of(blob)
    assert 'id="L1"' in blob.text
    assert read(world, f"/{NAME}/raw/main/app.py").text == "print(1)\n"
    assert "This file is no text: 5 bytes" in text_of(read(world, f"/{NAME}/blob/main/logo.png"))


def test_every_name_is_linked_so_that_it_opens(world: Devstack) -> None:
    (address,) = (one for one in links_of(read(world, f"/{NAME}/tree/main/docs")) if "/blob/" in one)
    assert "# Read <me>" in text_of(read(world, address))


@pytest.mark.parametrize(
    "path",
    [
        "/acme/nothing", "/nobody", f"/{NAME}/commit/{'0' * 40}", f"/{NAME}/commit/HEAD~0", f"/{NAME}/commit/--all",
        f"/{NAME}/pull/9", f"/{NAME}/blob/main/none.txt", f"/{NAME}/tree/nowhere", f"/{NAME}/compare/main...none",
        f"/{NAME}/blob/main/../app.py", f"/{NAME}/settings", f"/{NAME}/commit/%00", f"/{NAME}/raw/main/docs",
        f"/{NAME}/blob/%ff/app.py", "/static/style.css",
    ],
)  # fmt: skip
def test_what_is_not_there_is_a_page_that_says_so(world: Devstack, path: str) -> None:
    answer = requests.Session().send(
        requests.Request("GET", world.github.url).prepare() if not path else _as_written(world, path), timeout=10
    )
    assert answer.status_code == 404
    assert "<h1>Not Found</h1>" in answer.text


def _as_written(world: Devstack, path: str) -> requests.PreparedRequest:
    """Give a request whose path is sent exactly as written."""
    made = requests.Request("GET", world.github.url).prepare()
    made.url = f"{world.github.url}{path}"
    return made


def test_words_of_strangers_stay_words(world: Devstack) -> None:
    world.github.push(NAME, f"t/{EVIL}", {f"{EVIL[:9]}.txt": EVIL}, EVIL)
    pull = world.github.open_pull(
        NAME, f"t/{EVIL}", "main", EVIL, body=f"{EVIL}\n[x](javascript:alert(1))\n<b>", author=EVIL
    )
    pull.labels.append(EVIL)
    sha = pull.head_sha
    for path in (
        "",
        "/pulls",
        "/branches",
        "/pull/1",
        f"/commit/{sha}",
        f"/tree/{sha}",
        f"/commits/{sha}",
        f"/compare/main...{sha}",
    ):
        answer = read(world, f"/{NAME}{path}")
        assert answer.status_code == 200, path
        assert "<script" not in answer.text, path
        assert 'href="javascript' not in answer.text, path
        assert "default-src 'none'" in answer.headers["Content-Security-Policy"]


def test_comments_of_a_body_are_hidden_and_details_fold() -> None:
    body = """Brings <!-- nothing --> it.

<!-- mergeport title 0123456789abcdef -->

<details><summary>For <i>machines</i></summary>

```text
<!-- told --> <summary>
```

</details>

<details onclick="x">

<!-- never closed
"""
    shown = str(looking.rendered(body))
    assert "mergeport title" not in shown
    assert "nothing" not in shown
    assert "never closed" not in shown
    assert "<details><summary>For &lt;i&gt;machines&lt;/i&gt;</summary>" in shown
    assert "&lt;!-- told --&gt; &lt;summary&gt;" in shown
    assert "<details onclick" not in shown


def test_old_name_and_other_case_lead_to_the_repository(world: Devstack) -> None:
    world.github.rename(NAME, "acme/till")
    assert read(world, f"/{NAME}/tree/main").headers["Location"].endswith("/acme/till/tree/main")
    assert read(world, f"/{NAME}/tree/main").status_code == 301
    assert "app.py" in text_of(read(world, "/ACME/Till"))


def test_api_and_git_are_as_strict_as_before(world: Devstack) -> None:
    assert requests.get(f"{world.github.api_url}/repos/{NAME}", timeout=10).status_code == 404
    assert requests.get(f"{world.github.api_url}/user", timeout=10).status_code == 401
    for base in (world.github.url, world.git.url):
        asked = f"{base}/{NAME}.git/info/refs?service=git-upload-pack"
        assert requests.get(asked, timeout=10).status_code == 401
        assert requests.get(asked, timeout=10, auth=("x", GITHUB_TOKEN)).status_code == 200
    assert requests.post(f"{world.github.url}/{NAME}/pulls", timeout=10).status_code == 401
    assert world.github.faults.log[-1].path.startswith("/api/v3")


def test_argo_cd_and_the_registry_have_a_page(world: Devstack) -> None:
    world.create_repository("acme/manifests", {"dev.yaml": "image: r/app:2\n"})

    world.argocd.add_application("app-dev", Source("acme/manifests", ".", "main", ("dev.yaml",)))
    one = f"{world.argocd.url}/applications/argocd/app-dev"
    assert "r/app:2" in text_of(requests.get(one, timeout=10))
    for address in (world.argocd.url, f"{world.argocd.url}/applications"):
        assert 'href="/applications/argocd/app-dev"' in requests.get(address, timeout=10).text
    assert requests.get(f"{world.argocd.url}/applications/argocd/none", timeout=10).status_code == 404
    assert requests.get(f"{world.argocd.url}/api/v1/applications", timeout=10).status_code == 401
    assert "Repositories" in text_of(requests.get(world.ecr.endpoint, timeout=10))
    assert requests.get(f"{world.ecr.endpoint}/v2/", timeout=10).status_code == 401
