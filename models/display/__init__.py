"""How a transcript is written for readers: numbers, dates, times, money and addresses, derived from the spoken form."""

from models.display.spans import Display, Span, to_display, to_text
from models.display.writer import write

__all__ = ["Display", "Span", "to_display", "to_text", "write"]
