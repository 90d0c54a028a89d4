"""Prune GitHub's GraphQL schema to the mutations and questions that the product sends.

Run by hand when a mutation is added or a new version is vendored; README.md beside this says how. Reads the whole
schema from a file and writes `api.github.com.graphql` here. It never touches the network.
"""

from __future__ import annotations

import sys
from pathlib import Path

from graphql import build_schema, print_type
from graphql.type import GraphQLEnumType, GraphQLInputObjectType, GraphQLObjectType, GraphQLScalarType, get_named_type

MUTATIONS = (
    "dequeuePullRequest",
    "disablePullRequestAutoMerge",
    "enablePullRequestAutoMerge",
    "enqueuePullRequest",
    "markPullRequestReadyForReview",
)
FIELDS = {
    "AutoMergeRequest": {"enabledAt", "mergeMethod"},
    "MergeQueueEntry": {"id", "position"},
    "PullRequest": {
        "id", "number", "isDraft", "state", "merged", "headRefOid", "autoMergeRequest", "isInMergeQueue",
        "reviewDecision",
    },
    "Query": {"id", "repository"},
    "Repository": {"id", "pullRequest"},
}
"""The fields that are kept of objects; all of an input, and those of a payload whose type is kept."""


def main(whole: Path) -> None:
    """Write the pruned schema beside this script."""
    schema = build_schema(whole.read_text(encoding="utf-8"), assume_valid=True)
    kept: dict[str, str] = {}
    todo = [schema.query_type, schema.mutation_type]
    while todo:
        one = todo.pop()
        if one is None or one.name in kept or one.name in {"String", "Int", "Boolean", "ID", "Float"}:
            continue
        if isinstance(one, GraphQLObjectType | GraphQLInputObjectType):
            wanted = set(MUTATIONS) if one is schema.mutation_type else FIELDS.get(one.name)
            for name, field in list(one.fields.items()):
                into = get_named_type(field.type)
                known = isinstance(into, GraphQLScalarType | GraphQLEnumType | GraphQLInputObjectType)
                if (name not in wanted) if wanted else not (known or into.name in FIELDS):
                    del one.fields[name]
                else:
                    todo += [into, *(get_named_type(argument.type) for argument in getattr(field, "args", {}).values())]
            one.interfaces = ()
            for field in one.fields.values():
                field.description = None
        one.description = None
        if isinstance(one, GraphQLEnumType):
            for value in one.values.values():
                value.description = None
        kept[one.name] = print_type(one)
    target = Path(__file__).with_name("api.github.com.graphql")
    target.write_text("\n\n".join(kept[name] for name in sorted(kept)) + "\n", encoding="utf-8")
    sys.stdout.write(f"{target}: {target.stat().st_size} bytes, {len(kept)} types\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
