"""A chat model without a network: replace it with ChatOpenAI(api_key=key).bind_tools(...)."""

import itertools
import sys

from langchain_core.language_models import GenericFakeChatModel
from langchain_core.messages import AIMessage
from pydantic import SecretStr


class TypedModel(GenericFakeChatModel):
    """A model whose answers are typed in; it keeps its key as real models do."""

    api_key: SecretStr


def ask_for_tool(command: str) -> AIMessage:
    """Return an answer that asks for the tool run_shell."""
    call = {"name": "run_shell", "args": {"command": command}, "id": "1"}
    return AIMessage("", tool_calls=[call])


def make_model(key: str) -> TypedModel:
    """Return a model that asks for each line of standard input, and then stops asking."""
    answers = itertools.chain(map(ask_for_tool, sys.stdin), [AIMessage("That is all.")])
    return TypedModel(messages=answers, api_key=SecretStr(key))
