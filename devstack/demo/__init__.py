"""`make demo`: merges on an offline GitHub become deployments, on this machine alone.

```
__main__    the command: options, how it ends                (python -m devstack.demo)
story       the acts in their order: three environments, and a merge that starts nothing
world       .demo/, the devstack, the two repositories
product     Mergeport itself: `mergeport serve` as a process, and its command line, read as JSON
evidence    what the demo reads by itself: the image from the registry, the difference from the repository
screen      what is printed, with live progress on a terminal and plain lines elsewhere
ending      signals, and what ends with them
source/     the application's first commit
```

The demo uses the product only from outside: HTTP, git, and its command line. It stops everything that it starts.
"""
