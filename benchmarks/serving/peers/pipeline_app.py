"""FastAPI over transformers' pipeline: what people start with. One call at a time, off the event loop.

uvicorn pipeline_app:app --workers 2
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import torch
from fastapi import FastAPI
from fastapi.concurrency import run_in_threadpool
from pydantic import BaseModel


class Given(BaseModel):
    text: str


@asynccontextmanager
async def loaded(app: FastAPI) -> AsyncIterator[None]:
    from transformers import AutoModelForSequenceClassification, AutoTokenizer, pipeline

    torch.set_num_threads(1)
    source, labels = os.environ["CHECKPOINT"], int(os.environ["LABELS"])
    # The checkpoint keeps its head in a file of its own: this one has the same size and other weights.
    model = AutoModelForSequenceClassification.from_pretrained(source, num_labels=labels, dtype=torch.float32)
    tokenizer = AutoTokenizer.from_pretrained(source)
    app.state.classify = pipeline("text-classification", model=model, tokenizer=tokenizer, device=-1)
    # Two threads in one tokenizer fail: "Already borrowed".
    app.state.turn = asyncio.Lock()
    yield


app = FastAPI(lifespan=loaded)


@app.post("/predict")
async def predict(given: Given) -> dict[str, Any]:
    async with app.state.turn:
        found = await run_in_threadpool(app.state.classify, given.text, truncation=True, max_length=128)
    return {"label": found[0]["label"], "score": found[0]["score"]}
