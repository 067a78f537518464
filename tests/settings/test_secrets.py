"""Secrets show themselves only where that is asked for."""

from tidegate.settings.secrets import MASK, Headers, Secret


def test_a_secret_shows_a_mask_wherever_it_is_written() -> None:
    secret = Secret("hunter2")
    assert [str(secret), repr(secret), f"{secret}"] == [MASK, f"Secret('{MASK}')", MASK]
    assert secret.reveal() == "hunter2"


def test_secrets_are_equal_by_their_text_and_to_nothing_else() -> None:
    assert Secret("a") == Secret("a")
    assert {Secret("a"), Secret("a"), Secret("b")} == {Secret("a"), Secret("b")}
    assert Secret("a") != Secret("b")
    assert Secret(MASK) != MASK


def test_headers_keep_their_order_and_hide_their_values() -> None:
    headers = Headers((("X-Key", Secret("hunter2")), ("Accept", Secret("*/*"))))
    assert list(headers.items()) == [("X-Key", "hunter2"), ("Accept", "*/*")]
    assert headers.masked() == {"X-Key": MASK, "Accept": MASK}
    assert "hunter2" not in repr(headers)
