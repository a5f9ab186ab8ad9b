"""Audio arithmetic that belongs to no model: PCM, resampling, jitter."""
