"""A FastAPI application that holds a secret.

harden --children -- uvicorn --workers 2 app:app
python app.py
"""

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import uvicorn
from fastapi import FastAPI

import process_hardening as ph


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[None]:
    """Load the secret when a worker starts."""
    app.state.secret = Path(os.environ["SECRET_FILE"]).read_text()
    yield


app = FastAPI(lifespan=lifespan)


@app.get("/")
async def tell_worker() -> int:
    """The pid of the worker that answers."""
    return os.getpid()


def main() -> None:
    """Harden this process and the workers that it starts."""
    ph.pre_main_hardening(ph.Policy(children="harden"), reexec=True)
    uvicorn.run("app:app", port=int(os.environ.get("PORT", "8000")), workers=2)


if __name__ == "__main__":
    main()
