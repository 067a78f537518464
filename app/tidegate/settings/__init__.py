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

Control does not go through these rooms, because they take more memory than all that it does. `reading_process` goes through
them, in a process that ends, and hands over `plain` values (`plain_section`). What control imports from here needs no
pydantic: `words` (the enumerations), `secrets`, `own_variables`, and parts of `notation`.
"""
