"""recommender-preprocess: makes features of items, has them scored, and gives the best ones."""

from __future__ import annotations

import json
import os
import urllib.request

from fastapi import FastAPI
from pydantic import BaseModel

TIMEOUT = 2.0

app = FastAPI()


class Item(BaseModel):
    """Something that could be recommended."""

    name: str
    views: int
    sales: int


@app.get("/healthz")
def healthz() -> dict[str, bool]:
    """Answer the probes. What `predict` says of itself is asked of it by its own probes."""
    return {"ok": True}


@app.post("/recommend")
def recommend(items: list[Item], best: int = 3) -> list[str]:
    """Give the names of the best items, the best one first."""
    rows = [(item.sales / max(item.views, 1), min(item.views, 1000) / 1000) for item in items]
    url = os.environ.get("PREDICT_URL", "http://127.0.0.1:9000")
    request = urllib.request.Request(
        f"{url}/predict", json.dumps({"rows": rows}).encode(), {"Content-Type": "application/json"}
    )
    with urllib.request.urlopen(request, timeout=TIMEOUT) as answer:
        scores = json.load(answer)["scores"]
    ranked = sorted(zip(scores, [item.name for item in items], strict=True), reverse=True)
    return [name for _, name in ranked[:best]]
