"""Reports for operators: `metrics/` and `status/`, from the same `views`, made in slices by `rendering`."""
