"""An offline GitHub, ECR and Argo CD, for `make demo` and the tests. Never in the runtime image.

```
stack       all of it as one object, with Mergeport's settings         (python -m devstack runs it)
git_http    git over HTTP with passwords, hooks and a request log       bare, objects: repositories by plumbing
github/     a stateful GitHub: REST API, merges, signed web hooks, App tokens
argocd/     an Argo CD that moves through a real one's states, over the same repositories
ecr         ministack as a child process, behind a front that asks for passwords
faults      planted faults in front of each of them, and the requests that came
proxy       a TCP proxy that cuts, delays and throttles
showing     the plain pages that people see of each of them, from templates/
layer       a builder for machines where nothing else builds: the one part that knows the product's ports
demo/       `make demo`: merges become deployments
serving     WSGI applications on free loopback ports
```

Everything listens on 127.0.0.1 and ends with its object. Except for `layer` and the demo's search for a builder, it
uses the product only over HTTP, git and its command line.
"""
