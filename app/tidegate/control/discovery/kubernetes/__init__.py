"""Backends from a Service of Kubernetes. Imported only if a pool needs it.

- `cluster` makes requests to an API server, with the `credentials` from a service account or a `kubeconfig` (which may run
  a `program` and use `impersonation`); `resolver` looks up the server's name.
- `watch` lists the objects of one Service and follows them forever; `stream` parses the answers; `trouble` has the errors.
- `source` keeps a pool's backends equal to the objects, as `slices` and `endpoint_choice` in `tidegate.core` decide.
"""
