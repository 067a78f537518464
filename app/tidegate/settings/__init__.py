"""Settings: variables and a YAML file become one frozen, validated value, or a list of everything that is wrong.

`load_settings` in `loading` is the entry point. A value passes through these rooms, in this order:

- `reading/`: `environment` and `config_file` (with `yaml_document`) read entries (`entry`), each with the place where it is
  written. `names` lists all keys, and maps the flat form, the named form and the variables to each other. `service_links`
  recognises kubelet's variables, `own_namespace` completes the name of a Service, and `sources` hands all entries to
  pydantic-settings.
- `defaults` adds the entries that depend on others: the default listener and pool.
- `model` is the result. `parts/` has its sections (`section`): `listener`, `pool` with its own parts, `connection` (common
  to both), and `process`. This is where each setting has its default and its limits.
- `notation/` reads and writes single values: durations and sizes (`units`), statuses, headers, probe text and more.
- `checks/`: `relations`, `overlap` and `cycles` check settings against each other; `problem` formulates what is wrong, and
  `suggestion` finds the name that was meant.
- `effective` and `variables` show settings to people.
"""

from tidegate.settings.checks.problem import SettingsError
from tidegate.settings.effective import effective
from tidegate.settings.loading import load_settings
from tidegate.settings.model import Settings
from tidegate.settings.notation.statuses import StatusRanges
from tidegate.settings.parts.backend import BackendSettings
from tidegate.settings.parts.connection import ConnectionSettings
from tidegate.settings.parts.dns import DnsSettings, RecordType
from tidegate.settings.parts.hashing import HashSettings
from tidegate.settings.parts.health import HealthSettings, HealthType, Initial
from tidegate.settings.parts.kubernetes import KubernetesApi, KubernetesSettings, ServiceName
from tidegate.settings.parts.listener import ListenerSettings
from tidegate.settings.parts.outliers import OutlierSettings
from tidegate.settings.parts.pool import Balance, PoolSettings, ReadySettings, WhenAllDown
from tidegate.settings.parts.process import DrainSettings, LogFormat, LogLevel, LogSettings
from tidegate.settings.parts.rebalance import LiveSessions, RebalanceMode, RebalanceSettings
from tidegate.settings.reading.environment import without_settings
from tidegate.settings.variables import Variable, variables

__all__ = [
    "BackendSettings",
    "Balance",
    "ConnectionSettings",
    "DnsSettings",
    "DrainSettings",
    "HashSettings",
    "HealthSettings",
    "HealthType",
    "Initial",
    "KubernetesApi",
    "KubernetesSettings",
    "ListenerSettings",
    "LiveSessions",
    "LogFormat",
    "LogLevel",
    "LogSettings",
    "OutlierSettings",
    "PoolSettings",
    "ReadySettings",
    "RebalanceMode",
    "RebalanceSettings",
    "RecordType",
    "ServiceName",
    "Settings",
    "SettingsError",
    "StatusRanges",
    "Variable",
    "WhenAllDown",
    "effective",
    "load_settings",
    "variables",
    "without_settings",
]
