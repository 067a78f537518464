"""Shortens what people read: between words, and so that the beginning and the end are both kept."""

GAP = " ... "
END_SHARE = 3  # a third is for the end, where an error most often says why


def shortened(text: str, longest: int) -> str:
    """The text in at most `longest` characters (20 at least), its middle left out where it is longer than that.

    A word is cut only where it takes more than half of the room.
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
