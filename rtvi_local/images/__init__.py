"""Pictures, as models see them and clients send them."""
