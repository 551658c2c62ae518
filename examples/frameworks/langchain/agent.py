"""A LangChain agent whose tools can read neither its key nor any other process.

python agent.py 3< <(systemd-ask-password 'OpenAI key:')

The model is a stand-in (model.py): each line of standard input is a command that it asks for.
"""

import os
import subprocess

import process_hardening as ph


def run_shell(command: str) -> str:
    """Run a shell command and return what it prints."""
    done = subprocess.run(
        ph.confined(["/bin/sh", "-c", command]),
        env=ph.child_env(secrets="drop"),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    return done.stdout


def read_key() -> str:
    """Read the key from descriptor 3, so it is neither in an environment nor in a file."""
    with open(3) as pipe:
        return pipe.read().strip()


def main() -> None:
    """Harden, read the key, and run the tools that the model asks for until it asks for none."""
    ph.pre_main_hardening(reexec=True)
    key = read_key()

    from langchain_core.messages import BaseMessage, HumanMessage
    from langchain_core.tools import tool
    from model import make_model

    model = make_model(key)
    tools = {one.name: one for one in [tool(run_shell)]}
    print(os.getpid(), flush=True)
    messages: list[BaseMessage] = [HumanMessage("What is in this folder?")]
    while True:
        answer = model.invoke(messages)
        messages.append(answer)
        if not answer.tool_calls:
            return
        for call in answer.tool_calls:
            result = tools[call["name"]].invoke(call)
            messages.append(result)
            print(result.content, end="", flush=True)


if __name__ == "__main__":
    main()
