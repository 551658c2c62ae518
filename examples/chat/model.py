"""Messages, and a model that answers them."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass


@dataclass
class Message:
    """One turn of a conversation; the text of an answer grows while it arrives."""

    role: str
    text: str


class EchoModel:
    """A model without a network: it repeats what it is told, word by word.

    A real one has the same method, and sends the key to its service with every request.
    """

    def __init__(self, key: str) -> None:
        self._key = key

    async def answer(self, conversation: list[Message]) -> AsyncIterator[str]:
        """Yield the parts of the answer to a conversation as they arrive."""
        for word in f"You said: {conversation[-1].text}".split(" "):
            yield word + " "
            await asyncio.sleep(0.02)
