"""Pictures and other files that come in, and pictures that go out."""
