"""Backends from a Service of Kubernetes. Imported only where a pool asks for it.

- `cluster` knows where the API server is and who we are, and makes requests; `credentials` reads that from files.
- `watch` lists the objects of one Service and follows them for ever, over `stream`; `trouble` is all that can go wrong.
- `source` gives a pool the backends that the objects say, as `slices` and `endpoint_choice` of `tidegate.core` decide.
"""
