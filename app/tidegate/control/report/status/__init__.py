"""The answers of `/status` and `/readyz`: `fields` makes the JSON of each part, `page` and `readiness` make the answers."""
