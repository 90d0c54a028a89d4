"""Git, driven: the process (`driver`), the other side (`remote`), objects (`objects`), bare mirrors (`mirror`).

Used by the adapters `manifests/git.py` and `checkout.py`. Nothing else starts git. No part reads the machine's or
the user's git configuration, runs a hook, enters a submodule or shows a secret.
"""
