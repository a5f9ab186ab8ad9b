"""The HTTP server: routes, security, metrics, the sessions behind them."""
