"""A delivery becomes a change and its runs: what was received is read, routed and accepted."""
