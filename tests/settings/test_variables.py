"""The table of variables."""

from tidegate.settings.loading import load_settings
from tidegate.settings.reading.names import ANY_NAME, leaves, variable_of
from tidegate.settings.variables import variables


def test_every_variable_of_the_flat_form_is_in_the_table_once() -> None:
    flat = [variable_of(keys) for keys in leaves() if ANY_NAME not in keys]
    assert [variable.name for variable in variables()] == [*flat, "TIDEGATE_CONFIG_FILE"]


def test_every_variable_has_a_default_and_a_meaning_for_a_markdown_table() -> None:
    for variable in variables():
        assert variable.default
        assert variable.meaning
        assert "|" not in variable.default + variable.meaning


def test_plain_defaults_are_valid_values() -> None:
    plain = {variable.name: variable.default.strip("`") for variable in variables() if variable.default.count("`") == 2}
    without = load_settings({"TIDEGATE_BACKENDS": "a:1"})
    assert load_settings({"TIDEGATE_BACKENDS": "a:1", **plain}) == without


def test_the_defaults_that_depend_on_something_say_so() -> None:
    defaults = {variable.name: variable.default for variable in variables()}
    assert defaults["TIDEGATE_DRAIN__DELAY"] == "`0s` (`5s` inside Kubernetes)"
    assert defaults["TIDEGATE_HEALTH__PATH"] == "`/` (`/socket.io/` for `socketio`)"
    assert defaults["TIDEGATE_HEALTH__PORT"] == "the backend's"
    assert defaults["TIDEGATE_BACKENDS"] == "–"  # noqa: RUF001
