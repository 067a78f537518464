"""What operators read: `metrics` and `status`, from the same `views`, made in slices by `rendering`."""
