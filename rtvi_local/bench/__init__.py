"""Measuring: a caller that talks to an appliance over real WebRTC, and what it makes of what it hears."""
