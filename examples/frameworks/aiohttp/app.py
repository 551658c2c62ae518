"""An aiohttp application that holds a secret.

python app.py
harden --children -- gunicorn --worker-class aiohttp.GunicornWebWorker app:create_app
"""

import os
from pathlib import Path

from aiohttp import web

import process_hardening as ph

SECRET = web.AppKey("SECRET", str)


async def tell_worker(_request: web.Request) -> web.Response:
    """Answer with the pid of the worker."""
    return web.Response(text=str(os.getpid()))


async def create_app() -> web.Application:
    """Load the secret when the server starts."""
    app = web.Application()
    app[SECRET] = Path(os.environ["SECRET_FILE"]).read_text()
    app.router.add_get("/", tell_worker)
    return app


def main() -> None:
    """Harden, then serve."""
    ph.pre_main_hardening(reexec=True)
    web.run_app(create_app(), host="127.0.0.1", port=int(os.environ.get("PORT", "8080")))


if __name__ == "__main__":
    main()
