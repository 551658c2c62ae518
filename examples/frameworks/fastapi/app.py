"""A FastAPI application that holds a secret.

harden --children -- uvicorn --workers 2 app:app
"""

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from fastapi import FastAPI


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[None]:
    """Load the secret when a worker starts."""
    app.state.secret = Path(os.environ["SECRET_FILE"]).read_text()
    yield


app = FastAPI(lifespan=lifespan)


@app.get("/")
async def tell_worker() -> int:
    """Return the pid of the worker that answers."""
    return os.getpid()
