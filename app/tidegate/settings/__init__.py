"""Settings: variables and a YAML file become one frozen, validated value, or a list of everything that is wrong.

`load_settings` is the way in. A value goes through these files, in this order:

- `environment` and `config_file` (with `yaml_document`) read what is given, as entries (`entry`) that know where they were
  written; `names` says which keys there are, and how the flat form, the named form and the variables correspond;
  `service_links` knows the variables that are kubelet's.
- `defaults` adds what the entries imply; `sources` hands all of them to pydantic-settings.
- `model` is the result; its parts are `listener`, `pool` (with `backend`, `dns`, `kubernetes`, `own_namespace`, `health`,
  `outliers`, `hashing`, `affinity`, `queue`, `rebalance`), what those two have in common (`connection`), and `process` (with
  `cpu_limit`), each a `section`, with values written as `notation`, `units` and `statuses` say.
- `relations` and `overlap` look at what must hold between settings; `problem` words what is wrong, and `suggestion` what
  was meant.
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
