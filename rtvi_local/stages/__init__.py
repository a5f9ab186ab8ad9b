"""The stages of a pipeline, one file per name on the wire."""
