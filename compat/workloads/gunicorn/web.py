"""An application of flask."""

from flask import Flask

flask_app = Flask(__name__)


@flask_app.get("/<int:number>")
def double(number: int) -> str:
    """Twice a number."""
    return str(2 * number)
