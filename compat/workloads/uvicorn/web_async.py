"""An application of starlette."""

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route


async def double(request: Request) -> PlainTextResponse:
    """Twice a number."""
    return PlainTextResponse(str(2 * request.path_params["number"]))


starlette_app = Starlette(routes=[Route("/{number:int}", double)])
