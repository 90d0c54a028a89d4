"""The measurements behind docs/performance.md: ours and the alternative in one run, as ratios.

Run by `make bench`, which is `python -m benchmarks [NAME…]`. A benchmark is one file with a function `run`. It
uses the service as others do (its ports, its commands, its processes) and changes nothing of it.
"""
