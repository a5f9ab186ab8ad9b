"""How a client's audio and messages come and go; `interface` says what a conversation may expect of a transport."""
