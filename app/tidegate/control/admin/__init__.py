"""The admin port: status page, JSON, metrics, and the probes of the kubelet.

| route | what |
| --- | --- |
| `/` | the status page |
| `/status` | JSON, or `?format=csv`; `?pool=`, `?state=` |
| `/metrics` | Prometheus text, OpenMetrics when asked for |
| `/healthz`, `/livez` | 200 while this process is alive |
| `/readyz` | 200 when traffic may come, else 503 with reasons |
| `/connections` | live sessions; needs the token; if none is set, only from this machine |
"""
