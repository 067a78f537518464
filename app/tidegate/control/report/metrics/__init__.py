"""The Prometheus metrics: `of_*` say what there is of each kind of subject, `page` makes the text. Names are a contract."""
