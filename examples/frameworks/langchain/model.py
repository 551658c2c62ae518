"""A chat model without a network: put ChatOpenAI(api_key=key).bind_tools(...) in its place."""

import itertools
import sys

from langchain_core.language_models import GenericFakeChatModel
from langchain_core.messages import AIMessage
from pydantic import SecretStr


class TypedModel(GenericFakeChatModel):
    """What it answers is typed; it keeps its key as real models do."""

    api_key: SecretStr


def ask_for_tool(command: str) -> AIMessage:
    """An answer that asks for the tool run_shell."""
    call = {"name": "run_shell", "args": {"command": command}, "id": "1"}
    return AIMessage("", tool_calls=[call])


def make_model(key: str) -> TypedModel:
    """A model that asks for each line of standard input, and then for nothing more."""
    answers = itertools.chain(map(ask_for_tool, sys.stdin), [AIMessage("That is all.")])
    return TypedModel(messages=answers, api_key=SecretStr(key))
