"""Mistakes that hand-written packages have shipped, planted under a name, so that one can watch them being found."""

from .bugs import BUGS, LABELS, LOGITS, ONE_HOT, Bug, image_with_a_tie

__all__ = ["BUGS", "LABELS", "LOGITS", "ONE_HOT", "Bug", "image_with_a_tie"]
