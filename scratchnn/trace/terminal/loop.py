"""The real terminal: keys in, screens out. Everything that can be wrong without one is in the other files."""

import os
import sys
from dataclasses import replace

from scratchnn.errors import InputError

from .keys import press
from .position import Position
from .screen import as_text, draw
from .words import PLAIN, Glyphs

WELCOME = "right arrow: the next equation; s: with numbers; ?: all keys"
UNCHECKED = "this run is too large to check every number at once: v checks the one you look at; ?: all keys"
SPECIAL = {
    "left": "left", "right": "right", "up": "up", "down": "down", "pageup": "pageup", "pagedown": "pagedown",
    "home": "home", "end": "end", "enter": "enter", "backspace": "backspace", "tab": "tab", "escape": "escape",
}  # fmt: skip
STYLES = {
    "title": "bold", "here": "reverse", "dim": "ansibrightblack", "key": "bold", "good": "ansigreen bold",
    "bad": "ansired bold", "equation": "bold", "number": "ansicyan", "value": "bold", "code": "",
    "bar": "ansicyan", "minus": "ansiyellow",
}  # fmt: skip
WITHOUT_COLOUR = {"title": "bold", "here": "reverse", "key": "bold", "good": "", "bad": "bold", "value": "bold"}


class Walk:
    """A reader's walk: the story, the position in it, and what only the outside can do.

    Parameters
    ----------
    story : Story
    recorder
        With ``story(bug id or None)`` and ``bugs()``.
    """

    def __init__(self, story, recorder):
        asked = any(event.phase == "backward" for event in story.events)
        checked = any(event.check is not None for event in story.events)
        welcome = UNCHECKED if asked and not checked else WELCOME
        self.story, self.recorder, self.at = story, recorder, Position(message=welcome)
        self.bugs = recorder.bugs()
        self.glyphs = Glyphs() if _knows_signs() else PLAIN

    def press(self, key):
        """Answer one key.

        Parameters
        ----------
        key : str

        Returns
        -------
        bool
            False when the walk is over.
        """
        self.at = press(self.at, key, self.story, self.bugs)
        wanted, *what = self.at.wants or ("",)
        try:
            if wanted == "verify":
                self.story.trace.check(*what)
            elif wanted == "plant":
                self._plant(*what)
        except InputError as error:
            self.at = replace(self.at, message=str(error))
        return wanted != "quit"

    def screen(self, width, height):
        """Draw where the reader is.

        Parameters
        ----------
        width, height : int

        Returns
        -------
        list of list of (str, str)
        """
        return draw(self.at, self.story, width, height, self.glyphs, self.bugs)

    def _plant(self, bug):
        self.story = self.recorder.story(bug)
        told = "planted; d goes to the first line that differs" if bug else "the right code again"
        n = min(self.at.n, len(self.story.events) - 1)
        self.at = replace(self.at, n=n, answered=frozenset(), right=0, proof=False, message=told)


def walk(story, recorder):
    """Walk through a story in the terminal until the reader ends it.

    Parameters
    ----------
    story : Story
    recorder
        With ``story(bug id or None)`` and ``bugs()``.
    """
    if os.environ.get("TERM", "").lower() in ("dumb", "unknown") and sys.platform != "win32":
        _by_lines(Walk(story, recorder))
    else:
        _full_screen(Walk(story, recorder))


def _full_screen(steps):
    from prompt_toolkit.application import Application
    from prompt_toolkit.key_binding import KeyBindings
    from prompt_toolkit.keys import Keys
    from prompt_toolkit.layout import FormattedTextControl, Layout, Window
    from prompt_toolkit.styles import Style

    bindings = KeyBindings()

    def text():
        size = app.output.get_size()
        lines = steps.screen(size.columns, size.rows)
        made = [(f"class:{style}" if style else "", part) for line in lines for style, part in [*line, ("", "\n")]]
        return made[:-1]

    def answer(key):
        def pressed(event):
            if not steps.press(key or event.data):
                event.app.exit()

        return pressed

    for key, name in SPECIAL.items():
        bindings.add(key)(answer(name))
    bindings.add("c-c")(lambda event: event.app.exit())
    bindings.add(Keys.Any)(answer(None))
    styles = WITHOUT_COLOUR if os.environ.get("NO_COLOR") else STYLES
    app = Application(
        layout=Layout(Window(FormattedTextControl(text, focusable=True, show_cursor=False), wrap_lines=False)),
        key_bindings=bindings,
        style=Style.from_dict(styles),
        full_screen=True,
    )
    app.ttimeoutlen = 0.05  # seconds until an Escape is no arrow key
    try:
        app.run()
    except EOFError:  # the input ended: so does the walk
        return


def _by_lines(steps):
    """Where the cursor cannot be placed: a screen, then a line with a key or a word, again and again."""
    going = True
    while going:
        print("\n".join(as_text(steps.screen(80, 23))))  # one line is left for the question
        try:
            line = input("key (Enter: next, ? help, q quit): ").strip()
        except EOFError:
            return
        words = [line] if line in SPECIAL or not line else [*line]
        typing = steps.at.mode in ("node", "search", "plant") or (steps.at.hidden and line[:1] in "0123456789-+.")
        for key in [*(line if typing else words), *(["enter"] if typing and line else [])]:
            going = steps.press(key or "enter") and going


def _knows_signs():
    try:
        "".join(Glyphs()).encode(sys.stdout.encoding or "ascii")
    except (UnicodeEncodeError, LookupError):
        return False
    return True
