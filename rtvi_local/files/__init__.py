"""Files that clients give to the model: in a message, by an upload, or by the address where they lie."""
