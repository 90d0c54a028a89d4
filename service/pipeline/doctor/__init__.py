"""Looks at a running set-up from end to end, for `mergeport doctor`. Changes nothing but what it takes back at once."""
