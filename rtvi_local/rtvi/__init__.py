"""RTVI on the wire: typed messages of every version, negotiation, and the observer that turns frames into messages."""
