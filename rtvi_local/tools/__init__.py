"""Tools that the model may call: on the client, built in, or of an MCP server."""
