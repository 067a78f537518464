"""The Prometheus metrics: `of_*` list the metrics of each kind of subject, `page` makes the text. Names are a contract."""
