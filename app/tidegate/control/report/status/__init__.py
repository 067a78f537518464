"""What `/status` and `/readyz` say: `fields` has the JSON of each thing, `page` the answers. The fields are a contract."""
