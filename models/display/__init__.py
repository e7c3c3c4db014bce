"""How a transcript is written for readers: numbers, dates, times, money and addresses, derived from the spoken form."""

from models.display.spans import Display, Span, to_display, to_text
from models.display.writer import Figure, FigureKind, figures, write

__all__ = ["Display", "Figure", "FigureKind", "Span", "figures", "to_display", "to_text", "write"]
