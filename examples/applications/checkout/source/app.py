"""checkout: tells what a basket costs."""

from __future__ import annotations

import os

from flask import Flask, Response, jsonify

TAX_PERCENT = 10

app = Flask("checkout")


@app.get("/healthz")
def healthz() -> Response:
    """Answer the probes."""
    return jsonify(ok=True)


@app.get("/price/<int:net>")
def price(net: int) -> Response:
    """Give the price of a basket, in cents."""
    return jsonify(price=net + net * TAX_PERCENT // 100, environment=os.environ.get("ENVIRONMENT", "none"))
