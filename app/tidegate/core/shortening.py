"""Shortens text for people: cuts between words, and keeps both the beginning and the end."""

GAP = " ... "
END_SHARE = 3  # a third is for the end, where an error most often says its cause


def shortened(text: str, longest: int) -> str:
    """The text in at most `longest` characters (at least 20). A longer text loses its middle.

    A word is cut only if it takes more than half of the room.
    """
    if len(text) <= longest:
        return text
    room = longest - len(GAP)
    last = room // END_SHARE
    first = room - last
    begins, ends = text[:first], text[len(text) - last :]
    whole_begins = text[: first + 1].rpartition(" ")[0].rstrip()
    whole_ends = text[len(text) - last - 1 :].partition(" ")[2].lstrip()
    return GAP.join(
        whole if 2 * len(whole) >= len(part) else part for whole, part in ((whole_begins, begins), (whole_ends, ends))
    )
