"""The interface: the conversation, and an input line below it."""

import asyncio
import signal

from model import EchoModel, Message
from textual import work
from textual.app import App, ComposeResult
from textual.containers import VerticalScroll
from textual.widgets import Footer, Header, Input, Static


class ChatApp(App[None]):
    """A conversation with a model; it is kept in memory only."""

    TITLE = "Chat"
    BINDINGS = [("ctrl+n", "new", "New conversation")]  # noqa: RUF012 -- as in textual itself
    CSS = """
    #conversation { padding: 1 2; }
    .user { color: $text-accent; margin-top: 1; }
    """

    def __init__(self, model: EchoModel) -> None:
        super().__init__()
        self.model = model
        self.conversation: list[Message] = []

    def compose(self) -> ComposeResult:
        """Lay out the screen."""
        yield Header()
        yield VerticalScroll(id="conversation", can_focus=False)
        yield Input(placeholder="Say something")
        yield Footer()

    def on_mount(self) -> None:
        """Scroll with the conversation, and restore the terminal if a signal terminates us."""
        self.query_one("#conversation").anchor()
        loop = asyncio.get_running_loop()

        def end(number: int, _: object) -> None:
            signal.alarm(3)  # kills us if the terminal no longer accepts output
            loop.call_soon_threadsafe(self.exit, None, 128 + number)

        for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT):
            signal.signal(number, end)

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Send the text that was typed, and let the model answer."""
        if text := event.value.strip():
            event.input.clear()
            self.say(Message("user", text))
            self.answer()

    def say(self, message: Message) -> Static:
        """Add a message to the conversation and return its widget."""
        self.conversation.append(message)
        shown = Static(message.text, classes=message.role, markup=False)
        self.query_one("#conversation").mount(shown)
        return shown

    @work
    async def answer(self) -> None:
        """Show an answer while it arrives."""
        asked = self.conversation.copy()
        answer = Message("model", "")
        shown = self.say(answer)
        async for part in self.model.answer(asked):
            answer.text += part
            shown.update(answer.text)

    def action_new(self) -> None:
        """Forget the conversation."""
        self.workers.cancel_all()
        self.conversation.clear()
        self.query_one("#conversation").remove_children()
