"""scorer: serves the MLflow model that is at MODEL_PATH, where the chart's init container has put and verified it."""

from __future__ import annotations

import os
from functools import cache
from typing import Any

from fastapi import FastAPI, HTTPException
from pydantic import BaseModel

app = FastAPI()


class Rows(BaseModel):
    """What is to be scored, one mapping a row, as MLflow's `dataframe_records`."""

    dataframe_records: list[dict[str, float]]


@cache
def model() -> Any:
    """Load the model once."""
    import mlflow.pyfunc  # noqa: PLC0415 - takes seconds, which the start-up probe waits for

    return mlflow.pyfunc.load_model(os.environ["MODEL_PATH"])


@app.get("/healthz")
def healthz() -> dict[str, str]:
    """Answer the probes: only once the model is loaded."""
    model()
    return {"version": os.environ.get("MODEL_VERSION", "")}


@app.post("/invocations")
def invocations(rows: Rows) -> dict[str, list[float]]:
    """Score rows."""
    if not rows.dataframe_records:
        raise HTTPException(422, "there are no rows")
    import pandas  # noqa: PLC0415 - as above

    return {"predictions": [float(one) for one in model().predict(pandas.DataFrame(rows.dataframe_records))]}
