"""Active health checks: `prober` says when, `outcome` runs one probe on a `connection`, `kinds` has one kind per file."""
