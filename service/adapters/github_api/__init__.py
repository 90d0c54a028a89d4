"""GitHub's REST API as every integration with GitHub calls it: login, one bounded request, failures as ours.

The forge and the builder of GitHub Actions call it. It knows no address of the API but those of tokens.
"""
