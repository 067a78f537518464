"""Variables that are ours."""

from tidegate.settings.own_variables import without_settings


def test_a_child_process_gets_all_variables_but_ours_which_may_hold_secrets() -> None:
    environ = {"PATH": "/bin", "TIDEGATE_ADMIN_TOKEN": "hunter22", "MY_TIDEGATE_": "1", "tidegate_x": "2"}
    assert without_settings(environ) == {"PATH": "/bin", "MY_TIDEGATE_": "1", "tidegate_x": "2"}
