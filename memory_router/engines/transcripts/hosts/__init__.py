"""Read what each agent keeps of its sessions: one module a host, and each names the public source of its format."""
