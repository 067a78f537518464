"""Listeners beside the default: they and their pools do as the default does."""

from tests.faults.entrance import Entrance

DEFAULT = {"WORKERS": 2, "BALANCE": "first", "PEER_TIMEOUT": "3s", "HEALTH__INTERVAL": "1s", "MAX_CONNECTIONS": 9}


def test_a_listener_of_the_default_pool_has_only_settings_of_a_listener() -> None:
    entrance = Entrance("more", "default", "::1", 8000, ("a:1",))
    assert entrance.settings(DEFAULT, [""]) == {
        "LISTENERS__MORE__PEER_TIMEOUT": "3s",
        "LISTENERS__MORE__MAX_CONNECTIONS": 9,
        "LISTENERS__MORE__BIND": "[::1]:8000",
        "LISTENERS__MORE__POOL": "default",
    }


def test_a_pool_of_its_own_has_the_settings_of_a_pool_and_its_backends_with_their_marks() -> None:
    entrance = Entrance("web", "other", "127.0.0.1", 8000, ("a:1", "b:2"))
    settings = entrance.settings(DEFAULT, ["weight=2", "backup"])
    assert {name: value for name, value in settings.items() if name.startswith("POOLS")} == {
        "POOLS__OTHER__BALANCE": "first",
        "POOLS__OTHER__PEER_TIMEOUT": "3s",
        "POOLS__OTHER__HEALTH__INTERVAL": "1s",
        "POOLS__OTHER__BACKENDS": "a:1 weight=2,b:2 backup",
    }
