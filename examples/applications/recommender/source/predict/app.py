"""recommender-predict: scores items by their features. Only `preprocess`, in the same pod, asks it."""

from __future__ import annotations

from fastapi import FastAPI
from pydantic import BaseModel

WEIGHTS = (0.7, 0.3)

app = FastAPI()


class Features(BaseModel):
    """The features of each item."""

    rows: list[tuple[float, float]]


@app.get("/healthz")
def healthz() -> dict[str, bool]:
    """Answer the probes."""
    return {"ok": True}


@app.post("/predict")
def predict(features: Features) -> dict[str, list[float]]:
    """Score each row."""
    return {"scores": [round(sum(w * x for w, x in zip(WEIGHTS, row, strict=True)), 4) for row in features.rows]}
