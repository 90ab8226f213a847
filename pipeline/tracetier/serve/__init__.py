"""The service: HTTP, gateway, hooks, MCP and dashboard over one router."""
