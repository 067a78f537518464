"""Active health checks: `prober` schedules the probes, `outcome` runs one of the `kinds/`, each on its own `connection`."""
